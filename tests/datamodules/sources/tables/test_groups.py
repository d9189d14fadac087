"""Rows of one group are never on two sides of a cut, whatever the table writes besides."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datamodules.review_words import ReviewWords


def visits(path: str, patients: list[str | None], column: str = "patient") -> str:
    rows = pd.DataFrame(
        {
            "text": [f"visit number {i} of {patient}" for i, patient in enumerate(patients)],
            "label": ["ill" if i % 2 else "well" for i in range(len(patients))],
            column: patients,
        }
    )
    rows.to_parquet(path) if path.endswith("parquet") else rows.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("path", ["visits.csv", "visits.parquet"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_groups_of_a_column_are_cut_whole_and_rows_without_one_alone(path: str, seed: int) -> None:
    patients = [None if i % 10 == 0 else f"P{i % 37}" for i in range(400)]
    data = ReviewWords(source=visits(path, patients), group_column="Patient", split_seed=seed)
    sides: dict[str, set[str]] = {}
    for split, examples in data.source_found.splits.items():
        for text in examples.items:
            sides.setdefault(text.split(" of ")[1], set()).add(split)
    nobody = {name for name in sides if not name.startswith("P")}
    assert all(len(sides[patient]) == 1 for patient in sides.keys() - nobody)
    assert all(len(sides[name]) == 3 for name in nobody)
    assert sum(data.sizes.values()) == 400
    assert all(30 <= data.sizes[split] <= 50 for split in ("val", "test"))
    assert data.source_found.notes[-1] == "groups are on the same side of every cut"


def test_blanks_around_a_group_do_not_count() -> None:
    data = ReviewWords(
        source=visits("v.csv", [f"{' ' * (i % 2)}P{i // 2 % 20}" for i in range(80)]), group_column="patient"
    )
    groups = data.found.splits["train"].groups
    assert groups is not None
    assert len(np.unique(groups)) == 20


def test_a_column_that_is_not_there_is_refused_by_name() -> None:
    source = visits("v.csv", ["a", "b"] * 20)
    with pytest.raises(ValueError, match=r"no author column in v.csv: it has text, label, patient; name one"):
        _ = ReviewWords(source=source, group_column="author").source_found
    with pytest.raises(ValueError, match=r"data.group_column='author' is for tables, and sample: .* is none"):
        _ = ReviewWords(group_column="author").source_found


def test_groups_of_official_splits_are_compared_and_a_split_without_them_is_said() -> None:
    Path("data").mkdir()
    visits("data/train.csv", [f"P{i // 2}" for i in range(40)])
    visits("data/test.csv", ["P3", "P3", "Q1", "Q2"])
    visits("data/val.csv", ["P1"] * 4, column="doctor")
    notes = ReviewWords(source="data", group_column="patient").source_found.notes
    assert [note for note in notes if note.startswith("1 group of the test split also stands in train")]
    assert [note for note in notes if note.startswith("val has no patient column, so whether")]


def test_too_few_groups_are_refused() -> None:
    source = visits("v.csv", [f"P{i // 2 % 2}" for i in range(40)])
    with pytest.raises(ValueError, match=r"'ill' \(2\), 'well' \(2\) .* too few training groups to cut"):
        _ = ReviewWords(source=source, group_column="patient").source_found
