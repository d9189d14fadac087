"""Delimited files are read as they were written, and what can be read in two ways is a question."""

from pathlib import Path
from typing import Any

import pytest

from datamodules.sources.tables.delimited import DelimitedFormat, DelimitedTable

WANTED = [["text"], ["label"]]


def table(folder: Path, content: str | bytes, name: str = "t.csv", **given: Any) -> DelimitedTable:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return DelimitedTable(path, DelimitedFormat(**given), WANTED)


def cells(folder: Path, content: str | bytes, **given: Any) -> list[list[str | None]]:
    found = table(folder, content, **given)
    return list(found.rows(range(len(found.columns))))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_finds_the_columns(tmp_path: Path, delimiter: str) -> None:
    content = f"text{delimiter}label\na, b; c{delimiter}x\n".replace(", b; c", "" if delimiter in ",;" else ", b; c")
    assert table(tmp_path, content).delimiter == delimiter


def test_blanks_around_names_and_after_delimiters_do_not_count(tmp_path: Path) -> None:
    assert table(tmp_path, ' text , label\n"a, b", x\n').columns == ["text", "label"]
    assert cells(tmp_path, 'text, label\n"a, b", x\n') == [["a, b", "x"]]


def test_without_a_header_columns_are_numbered_and_all_lines_are_rows(tmp_path: Path) -> None:
    assert table(tmp_path, "a fine film;x\nb;y\n", header=False).columns == ["1", "2"]
    assert cells(tmp_path, "a fine film;x\nb;y\n", header=False) == [["a fine film", "x"], ["b", "y"]]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("text,label,\na,x,\nb,y,\n", [["a", "x", ""], ["b", "y", ""]]),
        ("text,label\na,x,\nb,y,\n", [["a", "x"], ["b", "y"]]),  # a trailing comma on every row but the header
        ("text,label\na\n\nb,y\n", [["a", None], ["b", "y"]]),
        ("sep=;\ntext;label\na;x\n", [["a", "x"]]),
        ('text,label\n"he said ""so"", twice",x\n', [['he said "so", twice', "x"]]),
        ('text,label\n"he said \\"so\\", twice",x\n', [['he said "so", twice', "x"]]),
        ('text,label\n"never closed,x\nb,y\n', [['"never closed', "x"], ["b", "y"]]),
        ('text;label\n"Great" film, it says;x\nb;y\n', [['"Great" film, it says', "x"], ["b", "y"]]),
        ('text,label\n"one\ntwo\n\nfour",x\n', [["one\ntwo\n\nfour", "x"]]),
        ("text,label\r\na,x\r\n", [["a", "x"]]),
        ("text,label\nNone,NA\n,null\n", [["None", "NA"], ["", "null"]]),
        ("text,label\nte\0xt,x\n", [["te\0xt", "x"]]),
    ],
)
def test_rows_are_read_as_written(tmp_path: Path, content: str, rows: list[list[str | None]]) -> None:
    assert cells(tmp_path, content) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na,x\nfirst, then,y\n", "line 3 has 3 fields, the header 2: put a text that holds ',' in quotes"),
        ('text,label\n"one\ntwo",x\nfirst, then,y\n', "line 4 has 3 fields, the header 2"),
        ("text,label\na,x\nfine but,y,\n", "line 3 has 3 fields"),  # one trailing comma is a text's as well
        ('text,label\na,x\n"never closed,y\n"b",x\n', "line 3: its quotes do not enclose fields"),
        ("text,label\n", "it holds no rows below its header"),
    ],
)
def test_what_is_no_row_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cells(tmp_path, content)


def test_quotes_that_can_be_meant_in_two_ways_are_a_question(tmp_path: Path) -> None:
    content = 'text\tlabel\n"so it begins\tx\nand so\ty\nit ends"\tx\n'
    with pytest.raises(
        ValueError, match=r"line 2 may go on in the next line, .*--data.quotes=true or --data.quotes=false"
    ):
        cells(tmp_path, content)
    assert len(cells(tmp_path, content, quotes=True)) == 1
    assert cells(tmp_path, content, quotes=False)[2] == ['it ends"', "x"]


def test_delimiters_that_both_fit_are_a_question(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"separated by commas or semicolons: .* --data\.delimiter"):
        table(tmp_path, "a,b;c\nd,e;f\n", header=False)
    assert cells(tmp_path, "a,b;c\nd,e;f\n", header=False, delimiter=";") == [["a,b", "c"], ["d,e", "f"]]


def test_what_is_not_usual_is_said(tmp_path: Path) -> None:
    assert table(tmp_path, "text,label\na,x\n").notes == []
    assert table(tmp_path, "text\tlabel\na\tx\n", "t.tsv").notes == []
    found = table(tmp_path, "text;label\ncaf\xe9;x\n".encode("latin-1"))
    assert found.notes == ["t.csv is read as separated by semicolons and in Windows-1252 (Latin-1)"]
    escaped = table(tmp_path, 'text,label\n"he said \\"so\\"",x\n')
    assert escaped.notes[0].startswith("t.csv: a backslash stands before quotes within a field")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"delimiter": ";;"}, "data.delimiter=';;' must be one character"),
        ({"encoding": "utf-9"}, "data.encoding='utf-9' is no encoding that Python knows"),
    ],
)
def test_options_that_mean_nothing_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DelimitedFormat(**given)  # type: ignore[arg-type]


def test_another_encoding_can_be_given_and_must_be_right(tmp_path: Path) -> None:
    content = "text,label\n\u0444\u0438\u043b\u044c\u043c,x\n"
    assert cells(tmp_path, content.encode("cp1251"), encoding="cp1251") == [["\u0444\u0438\u043b\u044c\u043c", "x"]]
    with pytest.raises(ValueError, match=r"it is not in ascii"):
        cells(tmp_path, content, encoding="ascii")
