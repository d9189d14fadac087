from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lightsmith.runs.failures import RunFailedError
from lightsmith.studies.tuning import measure
from lightsmith.studies.tuning.curve import Curve, ladder
from lightsmith.studies.tuning.measure import build, steps_of_fit, tune_experiment
from lightsmith.studies.tuning.range_test import RaiseRate
from lightsmith.studies.tuning.rate_option import RateOption
from tests.lightsmith.studies.tuning.conftest import CONFIGS, SMALL


def trainer(**others: Any) -> Any:
    limits = {"limit_train_batches": 1.0, "accumulate_grad_batches": 1, "max_epochs": 3, "max_steps": -1}
    return SimpleNamespace(**{**limits, **others})


@pytest.mark.parametrize(
    ("limits", "steps"),
    [
        ({}, 75),
        ({"accumulate_grad_batches": 4}, 21),
        ({"limit_train_batches": 10}, 30),
        ({"limit_train_batches": 0.2}, 15),
        ({"max_steps": 50}, 50),
        ({"max_epochs": None, "max_steps": 50}, 50),
        ({"max_epochs": -1}, None),
    ],
)
def test_the_steps_of_a_fit_are_those_of_its_epochs(limits: dict[str, Any], steps: int | None) -> None:
    assert steps_of_fit(trainer(**limits), 25) == steps


@pytest.mark.parametrize(
    ("failing", "line"),
    [
        (lambda *_: flat(), "the loss falls at no model.lr from 0.001 to 0.01: try others, by --min_rate and --max"),
        (lambda *_: run_out(), "out of memory: lower --data.batch_size"),
    ],
)
def test_a_test_without_an_answer_is_a_failure_in_one_line(
    failing: Any, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "run_range_test", failing)
    monkeypatch.setattr(measure, "build", lambda *_: None)
    with pytest.raises(RunFailedError, match=line):
        tune_experiment("mnist_mlp", CONFIGS, SMALL, ladder(1e-3, 1e-2, 20))


def flat() -> RaiseRate:
    raised = RaiseRate([], [])
    raised.option = RateOption("model.lr", 0.1)
    raised.curve = Curve([1e-3, 1e-2], [1.0, 2.0])
    return raised


def run_out() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_several_devices_are_refused() -> None:
    with pytest.raises(ValueError, match=r"trainer.devices=2: tune uses one device; leave it out"):
        build(CONFIGS, [*SMALL, "--trainer.devices=2", "--trainer.accelerator=cpu"])
