"""What would crash a parser, or keep it busy for minutes, never reaches it."""

from pathlib import Path

import pytest

from datamodules.table_checks import check_table
from tests.datamodules import hostile_tables


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("deep-list.json", "nested more than 64 deep"),
        ("never-closed.jsonl", "nested more than 64 deep"),
        ("null.json", "it holds null where an object should be"),
        ("null-first.jsonl", "it holds null where"),
        ("wide.csv", "more than 1000 columns"),
        ("new-keys.jsonl", "more than 1000 columns"),
        ("no-bytes.json", "it is empty"),
    ],
)
def test_a_table_that_breaks_its_parser_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_bytes(hostile_tables.BROKEN[name]())
    with pytest.raises(ValueError, match=message):
        check_table(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "a [ {", "label": 1},\n {"text": "\\"]} null", "label": null}]',
        '{"text": "[[[[", "label": {"a": [1, {"b": 2}]}}\n' * 3000,
        '{\n  "text": "one",\n  "stars": -1.5e3\n}',
    ],
)
def test_json_of_objects_is_let_through_whatever_its_texts_hold(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.json").write_text(content)
    check_table(tmp_path / "t.json")
