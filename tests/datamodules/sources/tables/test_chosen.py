"""Of the tables of a split, those with the needed columns are taken, and the others named."""

from pathlib import Path

import pytest

from datamodules.sources.tables.chosen import Wanted, choose_tables
from datamodules.sources.tables.columns import NoColumnError
from datamodules.sources.tables.delimited import DelimitedFormat
from tests.datamodules.written_tables import write

WANTED = Wanted("text", ["text", "review"], ["label"], DelimitedFormat())


def test_a_table_without_the_columns_is_named_and_the_others_are_taken(tmp_path: Path) -> None:
    good = write(tmp_path / "a.csv", id=["1"], review=["x"], label=["b"])
    other = write(tmp_path / "b.csv", price=["x"], place=["y"])
    notes: list[str] = []
    ignored: list[tuple[str, str]] = []
    (chosen,) = choose_tables("train", [good, other], WANTED, notes, ignored)
    assert (chosen.table.path, chosen.items, chosen.label) == (good, [1], 2)
    assert ignored == [(str(other), "no text column")]


def test_several_tables_of_a_split_are_said(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.csv", text=["x"], label=["b"]) for name in "abcdef"]
    notes: list[str] = []
    assert len(choose_tables("train", files, WANTED, notes, [])) == 6
    assert notes[-1].startswith("train is read from 6 files: a.csv, b.csv, c.csv, d.csv")


def test_no_table_to_train_on_is_a_mistake_and_none_to_test_on_a_note(tmp_path: Path) -> None:
    other = write(tmp_path / "b.csv", price=["x"], place=["y"])
    with pytest.raises(NoColumnError, match=r"--data\.header=false"):
        choose_tables("train", [other], WANTED, [], [])
    notes: list[str] = []
    assert choose_tables("test", [other], WANTED, notes, []) == []
    assert notes[0].startswith("no test split: b.csv has ")


def test_a_label_column_of_another_kind_is_refused_by_its_name(tmp_path: Path) -> None:
    lists = write(tmp_path / "a.parquet", text=["x"], label=[[1]])
    with pytest.raises(ValueError, match=r"column 'label' holds list.*: labels must be integers or strings"):
        choose_tables("train", [lists], WANTED, [], [])
    numbers = write(tmp_path / "b.parquet", text=[1], label=[1])
    with pytest.raises(ValueError, match="column 'text' holds numbers, not texts: name another"):
        choose_tables("train", [numbers], WANTED, [], [])
