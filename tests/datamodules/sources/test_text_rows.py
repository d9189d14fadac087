"""Every way in which a table holds texts, and the line or position that each is named by."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sources.tables.columns import NoColumnError
from datamodules.sources.text_rows import ROWS, Reading

TEXTS = ["a fine film", "dull, and\nslow"]


def rows(
    path: Path, content: str | bytes = b"", columns: tuple[Any, ...] = ("text", "review")
) -> list[tuple[int, Any]]:
    """What is read of a file with this content; of what is unreadable the reason in brackets."""
    if content:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = ROWS[path.suffix](path, Reading(columns))
    return [(n, f"<{text.reason}>" if not isinstance(text, str) else text) for n, text in found]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_is_known_by_the_column_that_it_makes(tmp_path: Path, delimiter: str) -> None:
    lines = [["id", " Text ", "n"], ["1", '"a, b; c"', "5"], ["2", '"two\nlines"', "6"], ["3", "last", "7"]]
    content = "\r\n".join(delimiter.join(line) for line in lines)
    notes = [text for n, text in rows(tmp_path / "t.csv", content) if n == 0]
    assert rows(tmp_path / "t.csv", content)[len(notes) :] == [(2, "a, b; c"), (3, "two\nlines"), (5, "last")]
    assert [note.startswith("<t.csv is read as separated by ") for note in notes] == [True] * (delimiter != ",")


def test_a_record_with_too_many_fields_is_refused_as_nobody_knows_which_is_the_text(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line 3 has 3 fields, the header 2"):
        rows(tmp_path / "t.csv", "n,text\n1,good\n2,slow, but good\n3\n")
    assert rows(tmp_path / "t.csv", "n,text\n1,good\n3\n") == [(2, "good"), (3, "<no text>")]


def test_what_is_not_utf8_is_read_as_windows_writes_it_and_said(tmp_path: Path) -> None:
    note, row = rows(tmp_path / "t.csv", "text\nla première fois était la meilleure – “bon”\n".encode("cp1252"))
    assert row == (2, "la première fois était la meilleure – “bon”")
    assert "Windows-1252" in note[1]


def test_texts_of_several_columns_are_joined_as_in_training(tmp_path: Path) -> None:
    both = (("subject", "body"),)
    assert rows(tmp_path / "t.csv", "body,n,subject\nb,1,s\n,2,s\n", both) == [(2, "s\n\nb"), (3, "s")]
    assert rows(tmp_path / "t.json", '[{"subject": "s", "body": "b"}]', both) == [(1, "s\n\nb")]


@pytest.mark.parametrize(
    "value",
    [
        [{"text": text} for text in TEXTS],
        TEXTS,
        {"data": [{"text": text} for text in TEXTS]},
        {"version": "1", "pages": [], "rows": [{"n": 1, "Text": text} for text in TEXTS]},
        {"text": TEXTS, "n": [1, 2]},
        {"text": {"0": TEXTS[0], "1": TEXTS[1]}, "n": {"0": 1, "1": 2}},
    ],
    ids=["objects", "texts", "under data", "under another name", "columns", "columns by row"],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_value_has_its_rows_as_a_list_under_a_name_or_in_columns(
    tmp_path: Path, value: Any, indent: int | None
) -> None:
    assert rows(tmp_path / "t.json", json.dumps(value, indent=indent)) == [(1, TEXTS[0]), (2, TEXTS[1])]


def test_a_json_file_may_hold_lines_or_a_single_object(tmp_path: Path) -> None:
    assert rows(tmp_path / "t.json", '{"text": "a"}\n\n{"text": "b"}\n') == [(1, "a"), (3, "b")]
    assert rows(tmp_path / "t.json", '{"text": "a", "n": 1}\n') == [(1, "a")]


@pytest.mark.parametrize(
    ("content", "line"),
    {
        '{"good": [{"text": "a"}], "bad": [{"text": "b"}]}': r"several lists \(good, bad\)",
        '{"a": 1}': "no list of objects or texts",
        "[1, 2": "not JSON",
    }.items(),
)
def test_a_json_value_that_may_mean_several_things_or_none_is_refused(tmp_path: Path, content: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        rows(tmp_path / "t.json", content)


def test_parquet_is_read_by_position(tmp_path: Path) -> None:
    table = pa.table({"review": ["a", None, "b"], "n": [b"1", b"2", b"3"]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    assert rows(tmp_path / "t.parquet") == [(1, "a"), (2, "<no text>"), (3, "b")]
    with pytest.raises(NoColumnError, match=r"column 'n' of .* holds images, not texts"):
        rows(tmp_path / "t.parquet", columns=("n",))


CONTENTS: dict[str, Callable[[Path], object]] = {
    "t.csv": lambda path: path.write_text("tweet_id,tweet\n1,good\n"),
    "t.tsv": lambda path: path.write_text("tweet_id\ttweet\n1\tgood\n"),
    "t.jsonl": lambda path: path.write_text('{"tweet_id": 1, "tweet": "good"}\n'),
    "t.json": lambda path: path.write_text('[{"tweet_id": 1, "tweet": "good"}]\n'),
    "t.parquet": lambda path: pq.write_table(pa.table({"tweet_id": [1], "tweet": ["good"]}), path),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_columns_of_other_names_are_asked_for_in_every_format(tmp_path: Path, name: str) -> None:
    CONTENTS[name](tmp_path / name)
    with pytest.raises(
        NoColumnError, match=r"no text or review column in .*: it has tweet_id, tweet; name one with --text_c"
    ):
        rows(tmp_path / name)
    assert [text for _, text in rows(tmp_path / name, columns=("tweet",))] == ["good"]
