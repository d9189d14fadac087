from pathlib import Path

import pytest

from lightsmith.records.parts import Headline
from lightsmith.records.results import read_results
from lightsmith.studies.comparisons.metrics import amount, check_metric, difference_heading, direction_of, figure, unit
from tests.written_runs import write_run


def test_the_headline_is_compared_unless_a_metric_is_named(tmp_path: Path) -> None:
    records = [read_results(write_run(tmp_path / "1", 1, {"loss": 0.5, "accuracy": 0.9}))]
    assert check_metric(records, None) == "accuracy"
    assert check_metric(records, "loss") == "loss"


@pytest.mark.parametrize(
    ("metric", "line"),
    [("acuracy", r"has no such test metric; did you mean accuracy\?"), ("f1", "--metric=f1 is nan in .*/1")],
)
def test_a_metric_that_a_run_lacks_is_refused(tmp_path: Path, metric: str, line: str) -> None:
    records = [read_results(write_run(tmp_path / "1", 1, {"f1": float("nan"), "accuracy": 0.9}))]
    with pytest.raises(ValueError, match=line):
        check_metric(records, metric)


def test_every_metric_that_a_task_measures_has_its_direction() -> None:
    from lightning_modules.training.classification_metrics import classification_metrics
    from lightning_modules.training.regression_metrics import regression_metrics

    headline = Headline("x", 0.0, "max")
    for name, metric in {**classification_metrics(3), **regression_metrics()}.items():
        assert direction_of(headline, name) == ("max" if metric.higher_is_better else "min"), name
    assert direction_of(headline, "x") == "max"
    assert direction_of(headline, "coverage") is None


def test_shares_are_written_in_points_and_others_in_their_own_unit() -> None:
    assert (figure("accuracy", 0.931), amount("accuracy", -0.0042)) == ("93.10%", "−0.42")
    assert (figure("rmse", 12.3456), amount("rmse", -0.12345)) == ("12.35", "−0.123")
    assert [unit(metric) for metric in ("f1", "nats", "rmse")] == ["points of f1", "nats", "in rmse"]
    assert difference_heading("f1") == "difference in f1, points"
