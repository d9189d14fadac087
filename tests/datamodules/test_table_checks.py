"""What would crash a parser, or keep it busy for minutes, never reaches it."""

import gc
from pathlib import Path

import pytest

from datamodules.sources import Source
from datamodules.table_checks import check_table
from datamodules.tables import load_table
from datamodules.texts import LABEL_COLUMNS, TEXT_COLUMNS
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


def load_texts(path: Path) -> Source:
    return load_table(path, "text", TEXT_COLUMNS, LABEL_COLUMNS)


def test_odd_tables_are_understood(tmp_path: Path) -> None:
    for name, content in hostile_tables.READABLE.items():
        (tmp_path / name).write_bytes(content())
        examples = load_texts(tmp_path / name).splits["train"]
        assert len(examples) >= 2, name
        assert all(isinstance(text, str) for text in examples.items), name


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pandas leaves the file open
def test_hostile_tables_are_refused_in_one_line_and_run_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = {}
    for name, content in hostile_tables.BROKEN.items():
        (tmp_path / name).write_bytes(content())
        with pytest.raises(ValueError, match=r"cannot be read|column") as caught:
            load_texts(tmp_path / name)
        lines[name] = str(caught.value)
    assert not [line for line in lines.values() if "\n" in line or len(line) > 1000]
    assert "column 'text' unpacks to 60 MB" in lines["bomb.parquet"]
    assert "more than 1000 columns" in lines["wide.parquet"]
    assert "save it as UTF-8" in lines["utf-16.csv"]
    assert "labels must be" in lines["pickled-labels.parquet"]
    assert capfd.readouterr() == ("", "")
    assert not Path("intruder").exists()
    gc.collect()
