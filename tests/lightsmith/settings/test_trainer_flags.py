"""Every flag of Lightning's Trainer, as a person gives it: the figures of the run, or the line that refuses it.

Figures are losses, accuracies, items seen, learning rates and printed lines. What takes several runs, and the text
task, is in the slow tests.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT, Cli
from tests.lightsmith.settings.flag_runs import (
    NEUTRAL,
    TASKS,
    Run,
    Trained,
    figures,
    flags_of,
    loss_and_accuracy,
)

COLUMNS = ("train/loss", "train/loss_step", "train/lr", "val/loss", "val/accuracy")
ON_TASKS = ["mnist_mlp", pytest.param("imdb_lstm", marks=pytest.mark.slow)]
DONE: dict[tuple[str, ...], Run] = {}


@pytest.fixture
def trained(experiment: Cli, tmp_path: Path) -> Trained:
    """Runs a task with flags, once for all tests that ask for the same."""

    def run(task: str, *flags: str) -> Run:
        if (task, *flags) not in DONE:
            outcome = experiment(task, *TASKS[task], *flags)
            assert (outcome.code, outcome.err) == (0, ""), outcome.err
            DONE[(task, *flags)] = Run(outcome, (tmp_path / "runs" / task / "latest").resolve())
        return DONE[(task, *flags)]

    return run


@pytest.mark.parametrize("task", ON_TASKS)
def test_flags_that_change_how_a_run_is_made_change_no_figure(trained: Trained, task: str) -> None:
    assert figures(trained(task, *flags_of(NEUTRAL))) == figures(trained(task))


@pytest.mark.slow
@pytest.mark.parametrize("flag", NEUTRAL)
@pytest.mark.parametrize("task", TASKS)
def test_each_of_them_alone_changes_no_figure(trained: Trained, task: str, flag: str) -> None:
    assert figures(trained(task, *flags_of({flag: NEUTRAL[flag]}))) == figures(trained(task))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_profiler_and_a_summary_say_what_they_found(trained: Trained, task: str) -> None:
    base = figures(trained(task))
    for profiler in ("simple", "advanced"):
        run = trained(task, f"--trainer.profiler={profiler}", "--trainer.enable_model_summary=true")
        assert figures(run) == base
        (line,) = (line for line in run.outcome.out.splitlines() if line.startswith("profile "))
        reports = [run.folder / Path(path).name for path in line.split()[1:]]
        assert [report.name for report in reports] == ["fit-profile.txt", "test-profile.txt"]
        assert "optimizer_step" in reports[0].read_text()
        assert "test_step" in reports[1].read_text()
        assert "Trainable params" in run.outcome.out


@pytest.mark.parametrize("task", ON_TASKS)
def test_limits_say_how_many_items_are_seen_and_which_figures_come_of_them(trained: Trained, task: str) -> None:
    limits = {"limit_train_batches": "2", "limit_val_batches": "2", "limit_test_batches": "0.3"}
    run = trained(task, *flags_of(limits))
    assert run.fit == {"epochs": 2, "steps": 4, "samples": 4 * 32}
    tested = 32 * int(0.3 * math.ceil(run.results["data"]["test"] / 32))
    loss, accuracy = loss_and_accuracy(run, "test", tested)
    assert run.results["test"]["loss"] == pytest.approx(loss, abs=1e-5)
    assert run.results["test"]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    best = max(range(2), key=lambda epoch: run.column("val/accuracy")[epoch])
    assert loss_and_accuracy(run, "val", 64)[0] == pytest.approx(run.column("val/loss")[best], abs=1e-5)


@pytest.mark.parametrize("task", ON_TASKS)
def test_without_validation_the_last_weights_are_tested_and_no_line_shows_any(trained: Trained, task: str) -> None:
    run = trained(task, "--trainer.limit_val_batches=0")
    assert run.results["model"]["weights_sha256"] == _last_weights(run)
    assert loss_and_accuracy(run, "test", None)[0] == pytest.approx(run.results["test"]["loss"], abs=1e-5)
    assert [re.sub(r"\d\.\d{4}", "#", line) for line in run.epochs] == [f"epoch {n}/2  train/loss #" for n in (1, 2)]
    assert run.column("val/loss") == []


def _last_weights(run: Run) -> str:
    from lightsmith.records.gather import weights_sha256

    last = torch.load(run.folder / "checkpoints/last.ckpt", weights_only=True)
    return weights_sha256(last["state_dict"])


@pytest.mark.parametrize("task", ON_TASKS)
def test_a_line_shows_only_what_its_own_epoch_measured(trained: Trained, task: str) -> None:
    run, base = trained(task, "--trainer.check_val_every_n_epoch=2"), trained(task)
    assert run.epochs == [base.epochs[0].partition("  val/")[0], base.epochs[1]]
    assert run.column("val/loss") == base.column("val/loss")[1:]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_validation_within_an_epoch_measures_the_weights_of_that_moment(trained: Trained, task: str) -> None:
    base = trained(task)
    for interval in ("1", "0.34"):  # of 3 batches
        run = trained(task, f"--trainer.val_check_interval={interval}")
        assert len(run.column("val/loss")) == 6
        assert run.column("val/loss")[2::3] == base.column("val/loss")
        assert run.epochs == base.epochs
        assert run.column("train/loss") == base.column("train/loss")


@pytest.mark.parametrize("task", ON_TASKS)
def test_accumulated_gradients_are_those_of_the_larger_batch(trained: Trained, task: str) -> None:
    run = trained(task, "--trainer.accumulate_grad_batches=3")
    whole = trained(task, "--data.batch_size=96")
    assert run.fit == whole.fit == {"epochs": 2, "steps": 2, "samples": 2 * 96}
    assert run.column("val/loss") == pytest.approx(whole.column("val/loss"), abs=1e-4)
    assert run.results["test"]["loss"] == pytest.approx(whole.results["test"]["loss"], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_clipping_bounds_what_a_step_of_sgd_changes(trained: Trained, task: str) -> None:
    one_step = ("--trainer.max_steps=1", "--model.optimizer=sgd", "--model.momentum=0", "--model.weight_decay=0")
    still = _weights(trained(task, *one_step, "--model.lr=1e-30"))
    for algorithm, size in (("norm", torch.linalg.vector_norm), ("value", lambda change: change.abs().max())):
        clip = ("--trainer.gradient_clip_val=0.001", f"--trainer.gradient_clip_algorithm={algorithm}")
        changed = _weights(trained(task, *one_step, *clip, "--model.lr=1"))
        assert float(size(changed - still)) == pytest.approx(0.001, rel=0.01)


def _weights(run: Run) -> torch.Tensor:
    last = torch.load(run.folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return torch.cat([tensor.double().flatten() for name, tensor in last.items() if "embedding" not in name])


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_limits_of_epochs_steps_and_time_end_a_run_there(trained: Trained, task: str) -> None:
    base = trained(task)
    shorter = trained(task, "--trainer.max_epochs=1")
    assert shorter.fit == {"epochs": 1, "steps": 3, "samples": 96}
    assert shorter.column("val/loss") == base.column("val/loss")[:1]
    by_steps = trained(task, "--trainer.max_steps=3", "--trainer.max_epochs=-1")
    assert by_steps.results["test"] == shorter.results["test"]
    in_no_time = trained(task, "--trainer.max_time=00:00:00:00", "--trainer.min_steps=3")
    assert in_no_time.results["test"] == shorter.results["test"]
    longer = trained(task, "--trainer.max_time=00:00:00:00", "--trainer.min_epochs=2")
    assert figures(longer) | {"fit": base.fit} == figures(base) | {"fit": longer.fit}


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed", "bf16-true", "32"])
def test_a_precision_is_recorded_and_learns_about_the_same(trained: Trained, precision: str) -> None:
    run, base = trained("mnist_mlp", f"--trainer.precision={precision}"), trained("mnist_mlp")
    assert run.results["environment"]["precision"] == {"32": "32-true"}.get(precision, precision)
    assert run.results["test"]["loss"] == pytest.approx(base.results["test"]["loss"], rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_no_progress_bar_means_no_lines_and_the_same_figures(trained: Trained, task: str) -> None:
    run, base = trained(task, "--trainer.enable_progress_bar=false"), trained(task)
    assert run.epochs == []
    assert figures(run) == figures(base) | {"epochs": []}


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_every_nth_step_is_logged_with_the_mean_loss_since_the_one_before(trained: Trained, task: str) -> None:
    run, base = trained(task, "--trainer.log_every_n_steps=3"), trained(task, "--trainer.log_every_n_steps=1")
    steps = base.column("train/loss_step")
    assert len(steps) == 6
    assert run.column("train/loss_step") == pytest.approx([sum(steps[:3]) / 3, sum(steps[3:]) / 3], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_run_without_loggers_has_the_same_results(trained: Trained, task: str) -> None:
    run, base = trained(task, "--trainer.logger=false"), trained(task)
    assert (run.results["test"], run.epochs) == (base.results["test"], base.epochs)
    assert not (run.folder / "metrics.csv").exists()


@pytest.mark.parametrize("task", ON_TASKS)
def test_a_fast_dev_run_trains_tests_and_writes_nothing(experiment: Cli, tmp_path: Path, task: str) -> None:
    outcome = experiment(task, *TASKS[task], "--trainer.fast_dev_run=2")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(r"epoch 1/1  train/loss \d\.\d+  val/loss", outcome.out)
    assert not (tmp_path / "runs").exists()


BY_HEART = [
    ("mnist_mlp", 80, "1", 32),
    pytest.param("mnist_mlp", 80, "0.67", 64, marks=pytest.mark.slow),  # of 3 batches
    pytest.param("imdb_lstm", 200, "1", 32, marks=pytest.mark.slow),
    pytest.param("imdb_lstm", 200, "0.67", 64, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("task", "epochs", "batches", "items"), BY_HEART)
def test_overfit_batches_learns_the_same_few_items_by_heart(
    trained: Trained, task: str, epochs: int, batches: str, items: int
) -> None:
    few = (f"--trainer.max_epochs={epochs}", "--trainer.check_val_every_n_epoch=40", "--model.weight_decay=0")
    run = trained(task, *few, f"--trainer.overfit_batches={batches}", "--trainer.log_every_n_steps=50")
    assert run.fit["samples"] == items * epochs
    assert float(run.epochs[-1].split()[3]) < 0.01, run.epochs[-1]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["64-true", "bf16-true"])
@pytest.mark.parametrize("task", [path.stem for path in sorted((ROOT / "experiments").glob("[a-z]*.yaml"))])
def test_every_task_trains_in_either_true_precision(experiment: Cli, tmp_path: Path, task: str, precision: str) -> None:
    limits = {"max_epochs": "1", "limit_train_batches": "2", "limit_val_batches": "1", "limit_test_batches": "1"}
    small = ("--data.train_size=32", "--data.batch_size=8", "--loggers=[csv]", f"--trainer.precision={precision}")
    outcome = experiment(task, *small, *flags_of(limits))
    assert (outcome.code, outcome.err) == (0, "")
    results = json.loads((tmp_path / "runs" / task / "latest/results.json").read_text())
    assert results["environment"]["precision"] == precision
    assert results["test"]["loss"] < 5
