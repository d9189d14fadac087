"""Columns are found by name or number, and several that may be meant are a question."""

from pathlib import Path

import pytest

from datamodules.sources.tables.columns import NoColumnError, as_columns, find_column, join_texts

KEY, USUAL = "data.text_column", ("text", "review", "comment")


def find(columns: list[str], given: str | list[str | int] | None = None) -> tuple[list[int], str]:
    return find_column(KEY, as_columns(given, USUAL), columns, Path("t.csv"))


@pytest.mark.parametrize(
    ("columns", "given", "places"),
    [
        (["id", "Text"], None, [1]),
        (["TEXT", "text"], None, [1]),  # as it is written comes before another case
        (["review", "label"], None, [0]),
        (["a", "b"], "2", [1]),
        (["2", "b"], "2", [0]),
        (["id", "subject", "body"], ["subject", "body"], [1, 2]),
        (["id", "subject", "body"], ["Body", 2], [2, 1]),
    ],
)
def test_a_column_is_found(columns: list[str], given: str | list[str | int] | None, places: list[int]) -> None:
    assert find(columns, given) == (places, "")


def test_the_plain_name_goes_before_its_synonyms_and_is_said() -> None:
    assert find(["comment", "text"]) == ([1], "data.text_column is text, not comment")


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        (["review", "comment"], None, "columns review and comment of t.csv may each be meant: .*--data.text_column"),
        (["text", "text"], None, "t.csv has 2 columns called text: .*--data.text_column=1 or --data.text_column=2"),
        (["a", "b"], None, "no text or review or comment column in t.csv: it has a, b; name one with --data.text_col"),
        (["subject"], ["subject", "body"], "no subject and body column in t.csv: it has subject"),
        (["a"], "3", "no 3 column"),
    ],
)
def test_what_is_not_clear_is_asked(columns: list[str], given: str | list[str | int] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find(columns, given)


def test_what_a_table_lacks_is_said_in_few_words() -> None:
    with pytest.raises(NoColumnError) as caught:
        find(["a"])
    assert caught.value.lacks == "no text column"


def test_texts_are_joined_by_a_blank_line_without_the_empty_ones() -> None:
    assert join_texts(["Invoice", "Please help."]) == "Invoice\n\nPlease help."
    assert join_texts(["", " ", "Please help."]) == "Please help."
    assert join_texts(["", "  "]) == ""
    assert join_texts([" as it stands "]) == " as it stands "
