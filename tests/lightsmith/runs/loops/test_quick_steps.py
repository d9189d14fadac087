"""Steps in a row: faster, and nothing else is different."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint

from callbacks.guard_numerics import GuardNumerics, NonFiniteError
from callbacks.measure_fit import MeasureFit
from lightning_modules.training.quick_steps import SKIPPED
from lightsmith.records.results import read_results
from lightsmith.runs.loops.quick_steps import check_steps_per_call, obstacle
from lightsmith.runs.trainer import ExperimentTrainer
from tests.conftest import Cli
from tests.killed_training import SaveThenDie, assert_same, died_again_and_again, trained
from tests.tiny_task import TinyData, TinyModel

QUIET: dict[str, Any] = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False}
QUIET |= {"enable_checkpointing": False, "enable_model_summary": False, "num_sanity_val_steps": 0}


class Calls(Callback):
    """The optimizer steps behind each batch of which it hears."""

    quick_steps = SKIPPED

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.steps.append(trainer.global_step)


def fit(*callbacks: Callback, size: int = 40, recipe: dict[str, Any] | None = None, **options: Any) -> TinyModel:
    model = TinyModel(**(recipe or {}))
    trainer = ExperimentTrainer(callbacks=list(callbacks), default_root_dir=Path.cwd(), **{**QUIET, **options})
    trainer.fit(model, TinyData(size))
    return model


def without_setting(state: dict[str, Any]) -> dict[str, Any]:
    del state["hyper_parameters"]["steps_per_call"]
    return state


@pytest.mark.parametrize("steps", [2, 3, 100, None])
@pytest.mark.parametrize("options", [{}, {"max_epochs": -1, "max_steps": 6}, {"limit_train_batches": 3}], ids=str)
def test_the_whole_state_is_that_of_single_steps(steps: int | None, options: dict[str, Any]) -> None:
    single, several = (
        without_setting(trained(recipe={"steps_per_call": count}, gradient_clip_val=1.0, **options))
        for count in (1, steps)
    )
    assert_same(several, single)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu_too_the_whole_state_is_that_of_single_steps() -> None:
    single, several = (
        without_setting(trained(recipe={"steps_per_call": count}, accelerator="gpu", devices=1)) for count in (1, 3)
    )
    assert_same(several, single)


@pytest.mark.parametrize("moment", [{"step": 1}, {"step": 2}, {"step": 3, "survives": 1}, {"validation": 3}], ids=str)
def test_killed_and_resumed_it_ends_bit_identical(moment: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SaveThenDie, "quick_steps", SKIPPED, raising=False)  # so that steps before it are in a row
    recipe = {"steps_per_call": 3}
    assert_same(died_again_and_again(list, [moment], recipe=recipe), trained(recipe=recipe))


def test_a_resumed_run_may_take_other_numbers_of_steps() -> None:
    first = died_again_and_again(list, [{"step": 2}], recipe={"steps_per_call": 2})
    assert_same(without_setting(first), without_setting(trained(recipe={"steps_per_call": 4})))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_epochs": 2}, [4, 5, 9, 10]),  # the last of an epoch is always one of its own
        ({"max_epochs": 1, "log_every_n_steps": 3}, [3, 5]),
        ({"max_steps": 7}, [4, 5, 7]),
        ({"max_epochs": 1, "val_check_interval": 2}, [2, 4, 5]),
        ({"max_epochs": 1, "limit_train_batches": 3}, [3]),
        ({"fast_dev_run": 2}, [2]),
    ],
    ids=str,
)
def test_lightning_sees_the_last_of_a_row_and_every_step_at_which_something_is_due(
    options: dict[str, Any], expected: list[int]
) -> None:
    calls, measured = Calls(), MeasureFit()
    fit(calls, measured, recipe={"steps_per_call": 4}, **options)
    assert calls.steps == expected
    assert measured.samples == 8 * expected[-1]


def test_unset_it_is_as_many_as_take_a_twentieth_of_a_second() -> None:
    calls = Calls()
    fit(calls, size=1600, max_epochs=1, log_every_n_steps=1000)
    assert calls.steps[0] == 1  # nothing is known of how long a step takes
    assert len(calls.steps) < 100 < calls.steps[-1] == 200


def test_a_step_that_is_not_finite_reaches_no_weights_and_is_named() -> None:
    class Spoil(Callback):
        quick_steps = SKIPPED

        def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            trainer.datamodule.dataset.points[17] = float("nan")  # type: ignore[attr-defined]  # in the third batch

    model = TinyModel(steps_per_call=5)
    trainer = ExperimentTrainer(callbacks=[Spoil(), GuardNumerics()], max_epochs=1, **QUIET)
    with pytest.raises(NonFiniteError, match="step 2: the input is not finite for training item 17"):
        trainer.fit(model, TinyData())
    assert trainer.global_step == 2
    assert all(parameter.isfinite().all() for parameter in model.parameters())


class AtEveryBatch(Callback):
    def on_train_batch_start(self, *_: Any) -> None:
        pass


class InEveryStep(Callback):
    def on_after_backward(self, *_: Any) -> None:
        pass


class OwnBackward(TinyModel):
    def backward(self, loss: torch.Tensor, *_: Any) -> None:
        loss.backward()


def given(*callbacks: Callback, model: Any = None, **options: Any) -> tuple[ExperimentTrainer, Any]:
    trainer = ExperimentTrainer(callbacks=list(callbacks), **{**QUIET, "enable_checkpointing": None, **options})
    return trainer, model or TinyModel(steps_per_call=4)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: given(accumulate_grad_batches=2), "trainer.accumulate_grad_batches=2"),
        (lambda: given(precision="64-true"), "trainer.precision=64-true"),
        (lambda: given(profiler="simple"), "trainer.profiler=SimpleProfiler"),
        (lambda: given(AtEveryBatch()), "AtEveryBatch, which acts at every batch"),
        (lambda: given(InEveryStep()), "InEveryStep, which acts at every batch"),
        (lambda: given(ModelCheckpoint(every_n_train_steps=3)), "ModelCheckpoint, which acts at every batch"),
        (lambda: given(LearningRateMonitor()), "LearningRateMonitor, which acts at every batch"),
        (lambda: given(model=OwnBackward(steps_per_call=4)), "OwnBackward.backward, which acts at every batch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_go_with_it_is_named(make: Callable[[], tuple[ExperimentTrainer, Any]], said: str) -> None:
    trainer, model = make()
    with pytest.raises(
        ValueError, match=rf"model.steps_per_call=4 does not go with {said}.*: leave one of the two out"
    ):
        check_steps_per_call(trainer, model)
    model.steps_per_call = None  # unset, steps are made one by one
    check_steps_per_call(trainer, model)


def test_a_plain_run_has_no_obstacle() -> None:
    assert obstacle(*given(ModelCheckpoint(), GuardNumerics(), MeasureFit())) is None


@pytest.mark.parametrize("steps", [0, -2])
def test_a_number_below_one_is_refused(steps: int) -> None:
    with pytest.raises(ValueError, match=f"model.steps_per_call={steps} must be at least 1"):
        TinyModel(steps_per_call=steps)


def test_on_the_command_line_it_is_refused_in_one_line_before_anything_is_written(experiment: Cli) -> None:
    refused = experiment("mnist_mlp", "--model.steps_per_call=4", "--trainer.accumulate_grad_batches=2")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "model.steps_per_call=4 does not go with trainer.accumulate_grad_batches=2" in refused.err
    assert not Path("runs").exists()


@pytest.mark.slow  # two whole runs
def test_metrics_and_weights_of_a_run_are_those_of_single_steps(experiment: Cli) -> None:
    def record(steps: int) -> tuple[list[dict[str | Any, str | Any]], str]:
        folder = Path(f"with-{steps}")
        few = ("--data.batch_size=512", "--trainer.max_epochs=2", "--trainer.log_every_n_steps=3", "--loggers=[csv]")
        outcome = experiment("mnist_mlp", *few, f"--model.steps_per_call={steps}", f"--folder={folder}")
        assert outcome.code == 0, outcome.err
        with (folder / "metrics.csv").open(encoding="utf-8") as file:
            rows = [{**row, "fit/seconds": ""} for row in csv.DictReader(file)]
        sha256 = read_results(folder).model.weights_sha256
        assert sha256 is not None
        return rows, sha256

    assert record(4) == record(1)
