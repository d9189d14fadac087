from pathlib import Path

import numpy as np
import pytest

from lightsmith.records.results import read_results
from lightsmith.studies.comparisons.item_values import item_values, read_predictions
from lightsmith.studies.comparisons.same_items import in_one_order
from tests.written_runs import write_classifier, write_run

RIGHT = np.array([1, 0, 1, 1, 0, 1])
IDS = ["a", "b", "c", "d", "e", "f"]


def ordered(*runs: Path) -> list[list[float] | None]:
    records, tables = [read_results(run) for run in runs], [read_predictions(run) for run in runs]
    found = in_one_order(records, tables)
    values = [None if table is None else item_values(table, "accuracy", RIGHT.mean()) for table in found]
    return [None if value is None else value.tolist() for value in values]


def test_items_are_brought_into_one_order_whatever_that_of_the_files(tmp_path: Path) -> None:
    order = [4, 1, 2, 5, 0, 3]  # even and odd places stay so, as the labels do
    first = write_classifier(tmp_path / "1", 1, RIGHT, IDS)
    second = write_classifier(tmp_path / "2", 2, RIGHT[order], [IDS[i] for i in order], fingerprint="sha256:other")
    assert ordered(first, second) == [RIGHT.tolist()] * 2


def test_equal_items_may_occur_more_than_once(tmp_path: Path) -> None:
    ids = ["a", "b", "a", "d", "e", "f"]
    runs = [write_classifier(tmp_path / str(seed), seed, RIGHT, ids) for seed in (1, 2)]
    assert ordered(*runs) == [RIGHT.tolist()] * 2


def test_other_items_are_counted(tmp_path: Path) -> None:
    first = write_classifier(tmp_path / "1", 1, RIGHT, IDS)
    second = write_classifier(tmp_path / "2", 2, RIGHT, [*IDS[:4], "x", "y"])
    with pytest.raises(ValueError, match=r"^2 of 6 test items of .*/2 are not those of .*/1"):
        ordered(first, second)


def test_another_number_of_items_is_named(tmp_path: Path) -> None:
    runs = [write_classifier(tmp_path / str(n), 1, np.ones(n)) for n in (6, 1200)]
    with pytest.raises(ValueError, match=r"/6 was tested on 6 items and .*/1200 on 1,200"):
        ordered(*runs)


def test_other_labels_of_the_same_items_are_counted(tmp_path: Path) -> None:
    first = write_classifier(tmp_path / "1", 1, RIGHT, IDS)
    second = write_classifier(tmp_path / "2", 2, RIGHT, [IDS[1], IDS[0], *IDS[2:]])
    with pytest.raises(ValueError, match="have different labels for 2 test items"):
        ordered(first, second)


def test_runs_without_predictions_are_told_by_their_fingerprints(tmp_path: Path) -> None:
    first = write_classifier(tmp_path / "1", 1, RIGHT)
    metrics = {"accuracy": 0.5}
    assert ordered(first, write_run(tmp_path / "2", 2, metrics, n=6)) == [RIGHT.tolist(), None]
    other = write_run(tmp_path / "3", 3, metrics, n=6, fingerprint="sha256:abcdefghi")
    with pytest.raises(ValueError, match=r"are of different data \(fingerprints 0123456… and abcdefg…\)"):
        ordered(first, other)
