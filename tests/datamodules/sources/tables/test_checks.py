"""What would crash a parser, or keep it busy for minutes, never reaches it."""

import gc
from pathlib import Path

import pytest

from datamodules.sources.source import Source
from datamodules.sources.tables.delimited import DelimitedFormat
from datamodules.sources.tables.files import open_table
from datamodules.sources.tables.labelled_items import load_table
from datamodules.texts import LABEL_COLUMNS, TEXT_COLUMNS
from tests.datamodules import hostile_tables


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("deep-list.json", "it is nested too deep"),
        ("never-closed.jsonl", "it is nested too deep"),
        ("null.json", "object 1 is not an object with columns"),
        ("null-first.jsonl", "object 1 is not an object with columns"),
        ("wide.csv", "more than 1000 columns"),
        ("new-keys.jsonl", "more than 1000 columns"),
        ("no-bytes.json", "it is empty"),
    ],
)
def test_a_table_that_breaks_its_parser_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_bytes(hostile_tables.BROKEN[name]())
    with pytest.raises(ValueError, match=message):
        open_table(tmp_path / name, DelimitedFormat(), [])


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
    open_table(tmp_path / "t.json", DelimitedFormat(), [])


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
    assert "line 2 is not UTF-8" in lines["bytes.csv"]
    assert "say which with --data.text_column=1 or --data.text_column=2" in lines["twice-named.csv"]
    assert "labels must be" in lines["pickled-labels.parquet"]
    assert capfd.readouterr() == ("", "")
    assert not Path("intruder").exists()
    gc.collect()
