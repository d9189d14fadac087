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
from lightsmith.records.results import read_results
from tests.conftest import Cli, Outcome
from tests.plain_run import latest

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
            Path("experiments").symlink_to(Path(__file__).parents[3] / "experiments")
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


def test_what_a_run_cannot_go_on_with_is_one_line_before_anything_is_written(make: Typed) -> None:
    average = "--trainer.callbacks+=lightning.pytorch.callbacks.EMAWeightAveraging"
    run = run_of(make, "--trainer.max_epochs=2", average)
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    kept = "callbacks.measure_fit.MeasureFit,callbacks.save_last.SaveLast"
    for option, line in (
        ("--model.optimizer=sgd", "has the state of adamw, with which sgd cannot go on; keep it, or start a new run"),
        ("--seed_everything=2", "seed_everything=2: the run began with 1"),
        ("--trainer.max_epochs=1", "trainer.max_epochs=1: 2 epochs are done already"),
        (f"--trainer.callbacks=[{kept}]", "trainer.callbacks lacks"),
    ):
        outcome = make(option, resume=run)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert line in outcome.err
        assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == before


@pytest.mark.slow
def test_a_run_that_was_stopped_early_says_so_and_goes_on_with_more_patience(make: Typed) -> None:
    outcome = make(*TINY, *QUIET, *PATIENT, "--trainer.max_epochs=5", name="mnist_mlp")
    run = latest(Path.cwd(), "mnist_mlp")
    said = r": EarlyStopping: val/loss did not improve 1 times in a row \(patience=1, .*, in epoch 2 of 5, at step 4"
    assert re.search(f"ended early{said}", outcome.out)
    again = make(resume=run)
    assert again.code == 0
    assert re.search(f"nothing to train{said}", again.out)
    assert read_results(run).fit.epochs == 2
    settings = yaml.safe_load((run / "config.yaml").read_text())
    settings["trainer"]["callbacks"][-1]["init_args"]["patience"] = 3
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    longer = make(resume=run)
    assert re.search(r"ended early.*3 times in a row \(patience=3, .*, in epoch 4 of 5", longer.out)
    assert read_results(run).fit.epochs == 4
