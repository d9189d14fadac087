import shutil
from pathlib import Path

import numpy as np
import pytest

from lightsmith.records.results import read_results
from lightsmith.records.status import write_status
from lightsmith.studies.comparison import compare_runs
from lightsmith.studies.comparisons.item_values import item_values, read_predictions
from lightsmith.studies.statistics.estimates import Sample, difference
from tests.written_runs import write_classifier, write_run, write_seeds

LR = {"model.lr": 0.1}


def sample(runs: list[Path]) -> Sample:
    values = [item_values(read_predictions(run), "accuracy", read_results(run).headline.value) for run in runs]
    items = np.stack([value for value in values if value is not None])
    return Sample(items.mean(1), items)


def test_two_groups_are_compared_by_seed_and_item(tmp_path: Path) -> None:
    a = write_seeds(tmp_path / "a", [1, 2, 3], 0.8)
    b = write_seeds(tmp_path / "b", [1, 2, 3], 0.9, settings=LR)
    found = compare_runs([*a, *b])
    expected = difference(sample(a), sample(b), same_seeds=True)
    assert (found.difference, found.interval) == (expected.value, expected.interval)
    assert found.distinguishable
    assert [group.settings for group in found.groups] == [
        {"experiment": "mnist_mlp"},
        {"experiment": "mnist_mlp", "model.lr": 0.1},
    ]
    assert [(group.n, group.seeds) for group in found.groups] == [(3, [1, 2, 3])] * 2
    assert found.groups[1].mean == pytest.approx(sample(b).scores.mean())
    assert found.groups[1].spread == pytest.approx(sample(b).scores.std(ddof=1))
    assert "item" in found.pairs[0].paired
    assert found.pairs[0].covers == ["seed", "item"]


def test_runs_that_cannot_tell_say_how_many_seeds_would(tmp_path: Path) -> None:
    a = write_seeds(tmp_path / "a", [1, 2, 3], 0.8)
    b = write_seeds(tmp_path / "b", [4, 5, 6], 0.804, settings=LR)
    found = compare_runs([*a, *b])
    assert not found.distinguishable
    assert found.seeds_needed is None or found.seeds_needed > 3


def test_one_group_has_its_mean_and_interval_and_no_difference(tmp_path: Path) -> None:
    found = compare_runs(write_seeds(tmp_path, [1, 2, 3], 0.8))
    (group,) = found.groups
    assert group.interval is not None
    assert group.interval[0] < group.mean < group.interval[1]
    assert (found.difference, found.interval, found.seeds_needed, found.pairs) == (None, None, None, [])


def test_of_single_runs_the_items_are_compared_and_seeds_are_not_covered(tmp_path: Path) -> None:
    (a,), (b,) = (write_seeds(tmp_path / name, [1], share) for name, share in (("a", 0.8), ("b", 0.9)))
    shutil.rmtree(b)
    (b,) = write_seeds(tmp_path / "b", [1], 0.9, settings=LR)
    (pair,) = compare_runs([a, b]).pairs
    assert (pair.covers, pair.seeds_needed) == (["item"], None)
    with pytest.raises(ValueError, match="A and B have one seed each, and f1 is no mean over test items"):
        compare_runs([a, b], "f1")


def test_p_values_of_several_pairs_are_adjusted_as_holm_says(tmp_path: Path) -> None:
    runs = [
        run
        for lr, share in ((0.1, 0.8), (0.2, 0.83), (0.3, 0.9))
        for run in write_seeds(tmp_path / str(lr), [1, 2, 3], share, settings={"model.lr": lr})
    ]
    found = compare_runs(runs)
    alone = [compare_runs([*runs[3 * i : 3 * i + 3], *runs[3 * j : 3 * j + 3]]) for i, j in ((0, 1), (0, 2), (1, 2))]
    raw = [pair.p_value for one in alone for pair in one.pairs]
    ordered = np.minimum(np.maximum.accumulate(np.sort(raw) * [3, 2, 1]), 1)
    assert [pair.groups for pair in found.pairs] == [("A", "B"), ("A", "C"), ("B", "C")]
    assert [pair.p_value for pair in found.pairs] == pytest.approx(ordered[np.argsort(np.argsort(raw))].tolist())
    assert (found.difference, found.seeds_needed) == (None, None)


def test_a_metric_that_is_no_mean_over_items_is_compared_by_seeds_only(tmp_path: Path) -> None:
    a = [write_run(tmp_path / f"a{s}", s, {"accuracy": 0.9, "f1": 0.8 + s / 100}) for s in (1, 2, 3)]
    b = [write_run(tmp_path / f"b{s}", s, {"accuracy": 0.9, "f1": 0.9 + s / 90}, settings=LR) for s in (1, 2, 3)]
    found = compare_runs([*a, *b], "f1")
    assert (found.by_item, found.pairs[0].paired, found.pairs[0].covers) == (False, ["seed"], ["seed"])
    assert found.difference == pytest.approx(0.1 + 2 / 90 - 2 / 100)


def test_what_is_not_compared_is_named(tmp_path: Path) -> None:
    runs = write_seeds(tmp_path / "a", [1, 2, 3], 0.8)
    again = write_classifier(tmp_path / "b/20261126-130000", 3, np.ones(400))
    write_status(runs[1], "failed", "out of memory")
    found = compare_runs([*runs, again])
    assert found.groups[0].seeds == [1, 3]
    assert [(Path(entry["run"]).name, entry["reason"]) for entry in found.left_out] == [
        (runs[1].name, "failed: out of memory"),
        (runs[2].name, "a newer run has its seed, 3"),
    ]


def test_too_few_runs_are_refused(tmp_path: Path) -> None:
    (run,) = write_seeds(tmp_path / "a", [1], 0.8)
    with pytest.raises(ValueError, match=r"there is one finished run, .*: give runs of other settings"):
        compare_runs([run])
    write_status(run, "interrupted")
    with pytest.raises(ValueError, match=r"none of these runs has finished: 20261126-120001 interrupted"):
        compare_runs([run])


def test_more_groups_than_letters_are_refused(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / str(i), 1, {"accuracy": 0.5}, settings={"model.lr": i}) for i in range(27)]
    with pytest.raises(ValueError, match=r"there are 27 groups, which differ in model.lr: compare at most 26"):
        compare_runs(runs)
