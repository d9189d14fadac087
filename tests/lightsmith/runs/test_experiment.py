import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from lightning.pytorch import Trainer

from callbacks.measure_fit import MeasureFit
from lightsmith.records.status import read_status
from tests.conftest import ROOT, Cli

SMALL = ("--data.train_size=500", "--trainer.log_every_n_steps=1")
CSV = "--loggers=[csv]"
CHECKPOINTS = {"best.ckpt", "last.ckpt", "last-1.ckpt", "manifest.json"}
KEYS = {
    "headline": ["metric", "value", "direction"],
    "data": ["source", "train", "val", "test", "fingerprint", "skipped", "ignored", "classes"],
    "test": ["n", "loss", "accuracy", "precision", "recall", "f1", "interval"],
    "best": ["epoch", "metric", "value", "validation"],
    "majority": ["class", "share"],
    "fit": ["seconds", "epochs", "steps", "samples", "samples_per_second", "first_step_seconds", "peak_memory_bytes"],
    "model": ["class", "parameters", "trainable_parameters", "checkpoint", "sha256", "weights_sha256"],
    "environment": [
        *("python", "torch", "lightning", "device", "precision", "strategy", "devices", "num_nodes", "world_size"),
        *("git_commit", "git_dirty"),
    ],
}


def results_of(run: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((run / "results.json").read_text())
    return results


def status_of(run: Path) -> tuple[str, str | None]:
    status = read_status(run)
    assert status is not None
    return status.state, status.reason


def column(run: Path, name: str) -> list[tuple[int, float]]:
    """(step, value) of one metric in metrics.csv."""
    with (run / "metrics.csv").open(newline="") as file:
        return [(int(row["step"]), float(row[name])) for row in csv.DictReader(file) if row[name]]


def interrupt_in_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int, act: Any) -> None:
    """Do ``act`` in the first batch of an epoch, once."""
    original = MeasureFit.on_train_batch_end

    def hook(self: MeasureFit, trainer: Trainer, *arguments: Any) -> None:
        original(self, trainer, *arguments)
        if trainer.current_epoch == epoch:
            monkeypatch.setattr(MeasureFit, "on_train_batch_end", original)
            act()

    monkeypatch.setattr(MeasureFit, "on_train_batch_end", hook)


def ctrl_c() -> None:
    raise KeyboardInterrupt


def test_last_checkpoint_is_of_the_last_epoch_though_the_first_was_best(experiment: Cli, tmp_path: Path) -> None:
    assert experiment("mnist_mlp", *SMALL, "--trainer.max_epochs=3", "--model.lr=1e-12", "--loggers=[]").code == 0
    checkpoints = tmp_path / "runs" / "mnist_mlp" / "latest" / "checkpoints"
    epochs = {name: torch.load(checkpoints / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")}
    assert epochs == {"best": 0, "last": 2}


def test_run_leaves_the_whole_record(experiment: Cli, tmp_path: Path) -> None:
    outcome = experiment("mnist_mlp", *SMALL, "--trainer.max_epochs=2")
    assert (outcome.code, outcome.err) == (0, "")
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    files = {path.name for path in run.iterdir()}
    assert {"config.yaml", "status.json", "results.json", "metrics.csv", "checkpoints", "wandb"} <= files
    assert status_of(run) == ("finished", None)
    assert {path.name for path in (run / "checkpoints").iterdir()} == CHECKPOINTS
    assert list(run.glob("wandb/offline-run-*/files/media/table/test/worst*"))
    results = results_of(run)
    assert sorted(results) == sorted(["schema", "experiment", "seed", "settings", "task", "per_class", *KEYS])
    assert [row["class"] for row in results["per_class"]] == results["data"]["classes"]
    assert {key: list(results[key]) for key in KEYS} == KEYS
    assert (results["schema"], results["experiment"], results["seed"]) == (2, "mnist_mlp", 1)
    assert (results["data"]["source"], results["fit"]["epochs"], results["fit"]["steps"]) == ("sample", 2, 4)
    assert f"number format {results['environment']['precision']}" in outcome.out
    ((step, f1),) = column(run, "test/f1")
    assert (step, np.float32(f1)) == (4, np.float32(results["test"]["f1"]))
    assert [step for step, _ in column(run, "train/loss_step")] == [0, 1, 2, 3]
    assert len(column(run, "val/accuracy")) == 2
    assert "accuracy" in outcome.out
    assert "DATA=hub" in outcome.out


def test_config_of_a_run_reproduces_it_in_a_new_folder(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    experiment("mnist_mlp", *SMALL, CSV, "--trainer.max_epochs=1", "--model.lr=0.02", "--trainer.precision=32-true")
    first = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    config = tmp_path / "mnist_mlp.yaml"
    config.write_text((first / "config.yaml").read_text())
    assert lightsmith("run", f"-c={config}").code == 0
    second = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    assert first != second
    assert results_of(first)["test"] == results_of(second)["test"]
    assert results_of(second)["environment"]["precision"] == "32-true"
    assert (first / "config.yaml").read_text() == (second / "config.yaml").read_text()


def test_ctrl_c_says_how_to_continue_and_resume_ends_like_an_uninterrupted_run(
    experiment: Cli, lightsmith: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (*SMALL, "--trainer.max_epochs=3")
    experiment("mnist_mlp", *options, CSV)
    whole = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    interrupt_in_epoch(monkeypatch, 2, ctrl_c)
    outcome = experiment("mnist_mlp", *options)
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    assert outcome.code == 130
    assert f"interrupted; continue with: make exp RESUME=runs/mnist_mlp/{run.name}" in outcome.out
    assert not (run / "results.json").exists()
    assert status_of(run) == ("interrupted", "SIGINT")
    config = (run / "config.yaml").read_text()

    resumed = lightsmith("run", f"-c={run}/config.yaml", f"--resume={run.parent}/latest")
    assert (resumed.code, resumed.err) == (0, "")
    assert status_of(run) == ("finished", None)
    assert len(list(run.parent.iterdir())) == 3  # two runs and latest
    assert (run / "config.yaml").read_text() == config
    assert (run / "config-resumed-1.yaml").is_file()
    assert {path.name for path in (run / "checkpoints").iterdir()} == CHECKPOINTS
    results, expected = results_of(run), results_of(whole)
    assert results["experiment"] == "mnist_mlp"
    assert {key: results["fit"][key] for key in ("epochs", "steps")} == {"epochs": 3, "steps": 6}
    assert column(run, "val/loss")[:2] == column(whole, "val/loss")[:2]
    assert [step for step, _ in column(run, "train/loss_step")] == list(range(6))
    assert results["data"]["fingerprint"] == expected["data"]["fingerprint"]
    # One W&B run in two parts; W&B adds -1 to the folder of a part that starts in the same second.
    parts = [path.name for path in run.glob("wandb/offline-run-*")]
    assert len(parts) == 2
    assert all(f"-mnist_mlp-{run.name}" in part for part in parts)


def test_a_finished_run_can_be_trained_longer(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    experiment("mnist_mlp", *SMALL, CSV, "--trainer.max_epochs=1", "--model.schedule=constant")
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    first = results_of(run)["fit"]
    assert lightsmith("run", f"-c={run}/config.yaml", f"--resume={run}", "--trainer.max_epochs=3").code == 0
    assert results_of(run)["fit"]["epochs"] == 3
    assert results_of(run)["fit"]["seconds"] > first["seconds"]
    assert [step for step, _ in column(run, "test/loss")] == [6]  # the earlier test belongs to steps done again


def test_a_run_that_ends_before_its_first_validation_is_tested_as_it_is(experiment: Cli, tmp_path: Path) -> None:
    outcome = experiment("mnist_mlp", *SMALL, CSV, "--data.batch_size=20", "--trainer.max_steps=2")
    assert outcome.code == 0
    run = tmp_path / "runs" / "mnist_mlp" / "latest"
    assert results_of(run)["test"]["accuracy"] >= 0
    assert (run / "checkpoints" / "best.ckpt").is_file()


def test_an_interruption_before_the_first_checkpoint_says_so(experiment: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_in_epoch(monkeypatch, 0, ctrl_c)
    outcome = experiment("mnist_mlp", *SMALL, CSV)
    assert outcome.code == 130
    assert "nothing to continue from" in outcome.out


def test_a_signal_is_no_success_and_loses_no_step(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        interrupt_in_epoch(monkeypatch, 1, lambda number=number: os.kill(os.getpid(), number))
        outcome = experiment("mnist_mlp", *SMALL, CSV, "--trainer.max_epochs=3")
        assert outcome.code == code
        assert "continue with: make exp RESUME=" in outcome.out
        run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
        assert status_of(run) == ("interrupted", signal.Signals(number).name)
        assert not (run / "results.json").exists()
        last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
        assert last["global_step"] == 3  # two in the first epoch, one in the second
        assert [step for step, _ in column(run, "train/loss_step")] == [0, 1, 2]


def test_early_stopping_is_one_more_callback_on_the_command_line(experiment: Cli, tmp_path: Path) -> None:
    stopping = "--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping"
    options = ("--trainer.callbacks.monitor=val/loss", "--trainer.callbacks.min_delta=100")
    outcome = experiment("mnist_mlp", *SMALL, CSV, "--trainer.max_epochs=9", stopping, *options)
    assert (outcome.code, outcome.err) == (0, "")
    results = results_of(tmp_path / "runs" / "mnist_mlp" / "latest")
    assert results["fit"]["epochs"] == 4  # the first, and three without an improvement of 100
    assert results["test"]["accuracy"] > 0.3  # the default callbacks are still there


@pytest.mark.parametrize("loggers", ["[tensorboard]", "[csv,tensorboard]", "[]"])
def test_checkpoints_lie_in_the_run_folder_whatever_the_loggers(experiment: Cli, tmp_path: Path, loggers: str) -> None:
    assert experiment("mnist_mlp", *SMALL, "--trainer.max_epochs=1", f"--loggers={loggers}").code == 0
    run = tmp_path / "runs" / "mnist_mlp" / "latest"
    assert (run / "checkpoints" / "best.ckpt").is_file()
    assert bool(list(run.glob("tensorboard/events*"))) == ("tensorboard" in loggers)
    assert (run / "metrics.csv").exists() == ("csv" in loggers)


def test_lightnings_own_verbs_work_on_a_checkpoint(experiment: Cli, tmp_path: Path) -> None:
    assert experiment("mnist_mlp", *SMALL, CSV, "--trainer.max_epochs=1", verb="fit").code == 0
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    assert not (run / "results.json").exists()
    before = set(tmp_path.rglob("*"))
    for verb in ("validate", "test", "predict"):
        assert experiment("mnist_mlp", f"--ckpt_path={run}/checkpoints/best.ckpt", verb=verb).code == 0
    assert set(tmp_path.rglob("*")) - before == {run / "predictions", run / "predictions" / "test.parquet"}


@pytest.mark.slow
def test_two_processes_write_one_run_folder(tmp_path: Path) -> None:
    parts = [f"--config={ROOT}/experiments/{part}.yaml" for part in ("_defaults", "mnist_mlp")]
    devices = ("--trainer.strategy=ddp", "--trainer.devices=2", "--trainer.accelerator=cpu")
    command = [sys.executable, str(ROOT / "cli.py"), "run", *parts, f"--runs={tmp_path}/runs", "--data.train_size=1000"]
    command += [*devices, "--trainer.max_epochs=1"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=250)
    assert ran.returncode == 0, ran.stderr
    (run,) = (path for path in (tmp_path / "runs" / "mnist_mlp").iterdir() if not path.is_symlink())
    results = results_of(run)
    assert results["fit"]["steps"] == 2
    assert 0 < results["test"]["accuracy"] < 1
    assert pq.read_table(run / "predictions/test.parquet")["index"].to_pylist() == list(range(500))
    assert status_of(run) == ("finished", None)
    assert ran.stdout.count("epoch 1/1") == 1
    assert ran.stdout.count("data       sample") == 2  # at the start and in the closing table, by one process
    assert {path.name for path in (run / "checkpoints").iterdir()} == CHECKPOINTS - {"last-1.ckpt"}  # one epoch
