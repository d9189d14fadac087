"""What a run is resumed with is in force from its first step, or refused before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import Trainer

from callbacks.measure_fit import MeasureFit
from tests.conftest import Cli, Outcome
from tests.plain_run import latest, results, rows

TINY = (
    "--data.train_size=40",
    "--data.batch_size=20",
    "--trainer.limit_val_batches=1",
    "--trainer.limit_test_batches=1",
)
QUIET = ("--loggers=[csv]", "--trainer.precision=32-true", "--trainer.log_every_n_steps=1")
CONSTANT = ("--model.schedule=constant", "--model.warmup_fraction=0")
STOPPING = ("--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping", "--trainer.callbacks.monitor=val/loss")
PATIENT = (*STOPPING, "--trainer.callbacks.min_delta=100", "--trainer.callbacks.patience=1")
Typed = Callable[..., Outcome]


@pytest.fixture
def make(lightsmith: Cli) -> Typed:
    """``make exp`` as it is typed in the current folder: by name, or with RESUME."""

    def exp(*options: str, name: str = "", resume: Path | None = None) -> Outcome:
        if resume is not None:
            return lightsmith("run", "-c", f"{resume}/config.yaml", f"--resume={resume}", *options)
        if not Path("experiments").exists():
            Path("experiments").symlink_to(Path(__file__).parents[2] / "experiments")
        return lightsmith("run", "-c", "experiments/_defaults.yaml", "-c", f"experiments/{name}.yaml", *options)

    return exp


@pytest.fixture
def first_steps(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The optimizer's first group as it was at each step."""
    seen: list[dict[str, Any]] = []
    original = MeasureFit.on_train_batch_start

    def look(self: MeasureFit, trainer: Trainer, *arguments: Any) -> None:
        original(self, trainer, *arguments)
        seen.append({k: v for k, v in trainer.optimizers[0].param_groups[0].items() if k != "params"})

    monkeypatch.setattr(MeasureFit, "on_train_batch_start", look)
    return seen


def run_of(make: Typed, *options: str) -> Path:
    outcome = make(*TINY, *QUIET, *options, name="mnist_mlp")
    assert outcome.code == 0, outcome.err
    return latest(Path.cwd(), "mnist_mlp")


@pytest.mark.parametrize(
    ("optimizer", "first", "now", "expected"),
    [
        ("adamw", CONSTANT, ("--model.lr=0.02", "--model.weight_decay=0.3"), {"lr": 0.02, "weight_decay": 0.3}),
        ("sgd", CONSTANT, ("--model.momentum=0.5",), {"momentum": 0.5, "nesterov": True, "lr": 0.003}),
        ("sgd", (*CONSTANT, "--model.momentum=0"), ("--model.momentum=0.5",), {"momentum": 0.5, "nesterov": True}),
        ("rmsprop", (*CONSTANT, "--model.momentum=0"), ("--model.momentum=0.5",), {"momentum": 0.5}),
        ("muon", CONSTANT, ("--model.momentum=0.5", "--model.lr=0.5"), {"momentum": 0.5, "lr": 0.5}),
        # Of 8 steps, 2 are done; the fall is linear from the first on.
        ("adamw", CONSTANT, ("--model.schedule=linear",), {"lr": 0.003 * 6 / 8}),
        ("adamw", CONSTANT, ("--model.warmup_fraction=0.5",), {"lr": 0.003 * 3 / 5}),
    ],
)
def test_a_new_setting_of_the_optimizer_is_in_force_from_the_first_step(
    make: Typed, first_steps: list[dict[str, Any]], optimizer: str, first: Any, now: Any, expected: dict[str, Any]
) -> None:
    run = run_of(make, f"--model.optimizer={optimizer}", *first, "--trainer.max_epochs=1")
    first_steps.clear()
    outcome = make(*now, "--trainer.max_epochs=4", resume=run)
    assert (outcome.code, outcome.err) == (0, "")
    assert {name: first_steps[0][name] for name in expected} == pytest.approx(expected)
    assert len(first_steps) == 6


def test_a_schedule_is_that_of_the_new_length_from_the_first_step(make: Typed, first_steps: list[Any]) -> None:
    run = run_of(make, "--model.schedule=linear", "--model.warmup_fraction=0", "--trainer.max_epochs=2")
    first_steps.clear()
    outcome = make("--trainer.max_epochs=4", resume=run)
    assert "the learning rate follows the schedule of the new length" in outcome.out
    assert [group["lr"] for group in first_steps] == pytest.approx([0.003 * left / 8 for left in (4, 3, 2, 1)])


def test_what_was_changed_stays_for_the_next_plain_resume(make: Typed, first_steps: list[dict[str, Any]]) -> None:
    run = run_of(make, *CONSTANT, "--trainer.max_epochs=1")
    started = (run / "config.yaml").read_text()
    make("--model.lr=0.02", "--trainer.max_epochs=2", resume=run)
    first_steps.clear()
    outcome = make("--trainer.max_epochs=3", resume=run)
    assert "model.init_args.lr" not in outcome.out
    assert [group["lr"] for group in first_steps] == [0.02, 0.02]
    assert (run / "config-started.yaml").read_text() == started
    assert yaml.safe_load((run / "config.yaml").read_text())["trainer"]["max_epochs"] == 3


@pytest.mark.parametrize(
    ("first", "now", "line"),
    [
        ((), ("--model.optimizer=sgd",), "model.optimizer=sgd: "),
        ((), ("--seed_everything=2",), "seed_everything=2: the run began with 1"),
        ((), ("--trainer.max_epochs=1",), "trainer.max_epochs=1: 2 epochs are done already"),
        (
            ("--trainer.callbacks+=lightning.pytorch.callbacks.EMAWeightAveraging",),
            ("--trainer.callbacks=[callbacks.measure_fit.MeasureFit,callbacks.save_last.SaveLast]",),
            "trainer.callbacks lacks",
        ),
    ],
)
def test_what_a_run_cannot_go_on_with_is_one_line_before_anything_is_written(
    make: Typed, first: Any, now: Any, line: str
) -> None:
    run = run_of(make, "--trainer.max_epochs=2", *first)
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    outcome = make(*now, resume=run)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert line in outcome.err
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == before


def test_a_run_that_was_stopped_early_says_so_and_goes_on_with_more_patience(make: Typed) -> None:
    outcome = make(*TINY, *QUIET, *PATIENT, "--trainer.max_epochs=5", name="mnist_mlp")
    run = latest(Path.cwd(), "mnist_mlp")
    said = r": EarlyStopping: val/loss did not improve 1 times in a row \(patience=1, .*, in epoch 2 of 5, at step 4"
    assert re.search(f"ended early{said}", outcome.out)
    again = make(resume=run)
    assert again.code == 0
    assert re.search(f"nothing to train{said}", again.out)
    assert results(run)["fit"]["epochs"] == 2
    settings = yaml.safe_load((run / "config.yaml").read_text())
    settings["trainer"]["callbacks"][-1]["init_args"]["patience"] = 3
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    longer = make(resume=run)
    assert re.search(r"ended early.*3 times in a row \(patience=3, .*, in epoch 4 of 5", longer.out)
    assert results(run)["fit"]["epochs"] == 4


def test_a_run_without_the_callback_that_stopped_it_goes_on(make: Typed) -> None:
    run = run_of(make, *PATIENT, "--trainer.max_epochs=3")
    settings = yaml.safe_load((run / "config.yaml").read_text())
    settings["trainer"]["callbacks"].pop()
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    with pytest.warns(UserWarning, match="Please add the following callbacks"):
        outcome = make(resume=run)
    assert "ended early" not in outcome.out
    assert results(run)["fit"]["epochs"] == 3


def test_a_finished_run_says_that_nothing_is_left_and_goes_on_with_more_epochs(make: Typed) -> None:
    run = run_of(make, "--trainer.max_epochs=1")
    assert "nothing to train: all 1 epochs are done; --trainer.max_epochs=" in make(resume=run).out
    longer = make("--trainer.max_epochs=2", resume=run)
    assert "nothing to train" not in longer.out
    assert results(run)["fit"]["steps"] == 4


def test_a_run_out_of_time_goes_on_with_the_next_batch_when_given_more(
    make: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_of(make, *CONSTANT, "--data.train_size=100", "--trainer.max_epochs=3")
    seconds = iter([0.0] * 9 + [100.0] * 1000)
    monkeypatch.setattr("lightning.pytorch.callbacks.timer.time.monotonic", lambda: next(seconds))
    slow = (*CONSTANT, "--data.train_size=100", "--trainer.max_epochs=3", "--trainer.max_time=00:00:01:00")
    outcome = make(*TINY, *QUIET, *slow, name="mnist_mlp")
    run = latest(Path.cwd(), "mnist_mlp")
    assert re.search(
        r"ended early: trainer.max_time=0:01:00 is over, in epoch \d of 3, at step (?!5|10)\d", outcome.out
    )
    monkeypatch.undo()
    assert "nothing to train: trainer.max_time=0:01:00 is over" in make(resume=run).out
    assert "ended early" not in make("--trainer.max_time=00:01:00:00", resume=run).out
    assert results(run)["test"] == results(whole)["test"]
    assert [row["val/loss"] for row in rows(run)] == [row["val/loss"] for row in rows(whole)]
