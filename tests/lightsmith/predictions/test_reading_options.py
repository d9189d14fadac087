import pytest

from datamodules.mnist import MNIST
from datamodules.review_words import ReviewWords
from lightsmith.predictions.reading_options import as_called_here, read_otherwise


def test_columns_and_formats_of_new_data_take_the_place_of_those_in_training() -> None:
    data = ReviewWords(text_column="tweet", encoding="cp1252")
    read_otherwise(data, {"text_column": None, "delimiter": "tab"})
    assert (data.text_columns, data.delimited.delimiter, data.delimited.encoding) == (("tweet",), "\t", "cp1252")
    for several in ("subject, body", ["subject", "body"]):
        read_otherwise(data, {"text_column": several, "label_column": "queue"})
        assert (data.text_columns, data.label_columns) == ((("subject", "body"),), ("queue",))


def test_what_means_nothing_is_said_by_the_name_of_the_option() -> None:
    with pytest.raises(ValueError, match="--text_column=x means nothing to this model's data"):
        read_otherwise(MNIST(), {"text_column": "x"})
    with pytest.raises(ValueError, match=r"^encoding='klingon' is no encoding"):
        read_otherwise(ReviewWords(), {"encoding": "klingon"})
    with pytest.raises(ValueError, match=r"^--data='x' holds nothing; name one with --label_column$"), as_called_here():
        raise ValueError("data.source='x' holds nothing; name one with --data.label_column")
