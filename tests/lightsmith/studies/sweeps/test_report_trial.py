from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lightsmith.studies.sweeps.report_trial import ReportTrial, number_of_validation


def trainer(batches: int, value: float = 0.5, every: float = 10, fn: str = "fit") -> Any:
    loop = SimpleNamespace(total_batch_idx=batches - 1, max_batches=10)
    metrics = {"val/accuracy": torch.tensor(value)}
    state = SimpleNamespace(fn=fn)
    known = {"callback_metrics": metrics, "state": state, "fit_loop": loop, "val_check_batch": every}
    return SimpleNamespace(**known, sanity_checking=False, should_stop=False)


@pytest.mark.parametrize(
    ("batches", "every", "number"),
    [(10, 10, 1), (20, 10, 2), (3, 3, 1), (6, 3, 2), (9, 3, 3), (13, 3, 5), (10, float("inf"), 1), (14, 10, 2)],
)
def test_a_validation_has_its_number_by_the_batches_before_it(batches: int, every: float, number: int) -> None:
    assert number_of_validation(trainer(batches, every=every)) == number


def test_what_is_validated_is_reported_and_a_verdict_ends_the_training() -> None:
    told: list[tuple[int, float]] = []

    def report(number: int, value: float) -> bool:
        told.append((number, value))
        return number == 2

    callback, runs = ReportTrial("val/accuracy", report), [trainer(10, 0.5), trainer(20, 0.25)]
    for run in (*runs, trainer(30, float("nan")), trainer(30, fn="validate")):
        callback.on_validation_end(run, None)  # type: ignore[arg-type]  # which it does not look at
    assert told == [(1, 0.5), (2, 0.25)]
    assert [run.should_stop for run in runs] == [False, True]
    assert callback.pruned == 2
