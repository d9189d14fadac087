"""Words are what a reader would call words, and the vocabulary is that of the training split."""

from pathlib import Path

import pytest

from datamodules.review_words import ReviewWords


def data(path: Path, max_vocabulary: int = 1000) -> ReviewWords:
    (path / "d").mkdir(exist_ok=True)
    train = ["good good good film", "bad bad film", "good, isn't it?", "Café. <br /><br>End"]
    (path / "d" / "train.csv").write_text("text,label\n" + "".join(f'"{t}",{i % 2}\n' for i, t in enumerate(train)))
    (path / "d" / "test.csv").write_text("text,label\nsecret word,0\nsecret,1\n")
    (path / "d" / "valid.csv").write_text("text,label\nhidden,0\nhidden,1\n")
    return ReviewWords(source=str(path / "d"), max_vocabulary=max_vocabulary)


def test_texts_become_lower_case_words_and_marks(tmp_path: Path) -> None:
    encode = data(tmp_path).tokenizer.encode
    assert encode("Good,<br />ISN'T it?<BR/>café – bad.").tokens == [
        "good", ",", "isn't", "it", "?", "café", "bad", "."
    ]  # fmt: skip


def test_the_vocabulary_is_counted_on_the_training_split_only(tmp_path: Path) -> None:
    vocabulary = data(tmp_path).tokenizer.get_vocab()
    assert {"good", "bad", "film", "café", "end"} < vocabulary.keys()
    assert vocabulary.keys().isdisjoint({"secret", "hidden", "word", "br", "<"})
    assert vocabulary["[PAD]"] == 0
    assert vocabulary["[UNK]"] == 1


def test_the_most_frequent_words_are_kept_and_the_rest_share_an_id(tmp_path: Path) -> None:
    tokenizer = data(tmp_path, max_vocabulary=4).tokenizer
    assert data(tmp_path, max_vocabulary=4).vocabulary_size == 4
    assert set(tokenizer.get_vocab()) == {"[PAD]", "[UNK]", "good", "bad"}
    assert tokenizer.encode("good end café").ids[1:] == [1, 1]


def test_building_twice_gives_the_same_vocabulary(tmp_path: Path) -> None:
    assert data(tmp_path).state_dict() == data(tmp_path).state_dict()


def test_a_vocabulary_without_room_for_words_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data\.max_vocabulary=2 must be at least 3"):
        ReviewWords(max_vocabulary=2)


def test_hyper_parameters_are_plain_and_rebuild_the_data_module() -> None:
    words = ReviewWords(max_vocabulary=99, source="x", batch_size=3, max_tokens=17, head_fraction=0.5, text_column="t")
    assert words.hparams == {
        "max_vocabulary": 99,
        "source": "x",
        "batch_size": 3,
        "max_tokens": 17,
        "head_fraction": 0.5,
        "text_column": "t",
    }
    again = ReviewWords(**words.hparams)
    assert (again.source, again.max_tokens, again.text_columns) == ("x", 17, ("t",))


def test_the_sample_is_read_into_words() -> None:
    batch = next(iter(ReviewWords(batch_size=16).test_dataloader()))
    assert batch.input_ids.shape == batch.attention_mask.shape
    assert (batch.input_ids[batch.attention_mask == 1] > 0).all()
    assert (batch.input_ids[batch.attention_mask == 0] == 0).all()
