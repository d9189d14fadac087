"""A signal ends a run after the step in progress, whatever the run is about."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback

from callbacks.save_last import SaveLast
from tests.conftest import ROOT
from tests.saved_training import fit, steps
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

SENT: dict[int, int] = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGUSR1: 128 + signal.SIGUSR1}


class Send(Callback):
    """Sends this process a signal in a hook, the ``turn``-th time that it is called."""

    def __init__(self, hook: str, turn: int, number: int = signal.SIGTERM) -> None:
        turns = count(1)
        setattr(self, hook, lambda *_: os.kill(os.getpid(), number) if next(turns) == turn else None)


@pytest.mark.parametrize("number", SENT)
def test_a_signal_ends_the_step_in_progress_saves_and_stops(tmp_path: Path, number: int) -> None:
    with pytest.raises(SystemExit) as end:
        fit(Send("on_train_batch_start", 7, number), SaveLast())
    assert end.value.code == SENT[number]
    assert steps(tmp_path) == {"last.ckpt": 7, "last-1.ckpt": 5}


def test_a_signal_during_validation_saves_what_was_trained(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        fit(Send("on_validation_batch_start", 2), SaveLast())
    assert end.value.code == 143
    assert steps(tmp_path) == {"last.ckpt": 5}


@pytest.mark.parametrize("stage", ["test", "predict", "validate"])
def test_a_signal_stops_a_test_and_saves_nothing(tmp_path: Path, stage: str) -> None:
    hook = {"validate": "validation"}.get(stage, stage)
    batches: list[int] = []
    seen = Callback()
    setattr(seen, f"on_{hook}_batch_start", lambda *_: batches.append(1))
    trainer = tiny_trainer(Send(f"on_{hook}_batch_start", 2), seen, SaveLast(), enable_checkpointing=True)
    with pytest.raises(SystemExit) as end:
        getattr(trainer, stage)(TinyModel(), TinyData())
    assert (end.value.code, len(batches)) == (143, 2)
    assert not list(tmp_path.iterdir())


def test_a_signal_before_the_first_step_is_not_lost(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        fit(Send("on_fit_start", 1), SaveLast())
    assert steps(tmp_path) == {"last.ckpt": 1}


def test_handlers_are_given_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in SENT]
    fit(SaveLast(), epochs=1)
    assert [signal.getsignal(number) for number in SENT] == before


class Hang(Callback):
    def on_train_batch_start(self, *_: Any) -> None:
        Path("hangs").touch()
        time.sleep(100)


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            fit(Hang(), SaveLast())
        finally:
            os._exit(1)
    while not (tmp_path / "hangs").exists():
        time.sleep(0.01)
    os.kill(pid, signal.SIGTERM)
    time.sleep(0.5)
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGINT)
    started = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGINT  # which a shell shows as 130
    assert time.monotonic() - started < 1


def run_until_first_epoch(folder: Path, *options: str) -> subprocess.Popen[str]:
    parts = [f"--config={ROOT}/experiments/{part}.yaml" for part in ("_defaults", "mnist_mlp")]
    command = [sys.executable, str(ROOT / "cli.py"), "run", *parts, f"--runs={folder}/runs", "--loggers=[csv]"]
    command += ["--trainer.max_epochs=10000", "--trainer.log_every_n_steps=1", *options]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    while not child.stdout.readline().startswith("epoch 1/"):
        assert child.poll() is None
    return child


def check_stopped(child: subprocess.Popen[str], runs: Path) -> None:
    """It ends with exit code 143, and what was saved is no older than what was logged."""
    rest, _ = child.communicate(timeout=60)
    assert child.returncode == 143
    assert rest.count("interrupted; continue with: make exp RESUME=") == 1
    run = (runs / "mnist_mlp/latest").resolve()
    with (run / "metrics.csv").open(newline="") as file:
        logged = max(int(row["step"]) + 1 for row in csv.DictReader(file) if row["train/loss_step"])
    assert logged <= steps(run)["last.ckpt"] <= logged + 1  # a step before validation is logged after it


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_sigterm_at_any_time_saves_the_step_within_ten_seconds(tmp_path: Path) -> None:
    times, seconds = 20, []
    for _ in range(times):
        child = run_until_first_epoch(tmp_path)
        time.sleep(random.uniform(0, 2))
        child.send_signal(signal.SIGTERM)
        told = time.monotonic()
        check_stopped(child, tmp_path / "runs")
        seconds.append(time.monotonic() - told)
    assert max(seconds) <= 10
    print(f"| 8 | SIGTERM at {times} random times | ≤ 1 step old, exit 143, ≤ {max(seconds):.1f} s, {times}/{times} |")


@pytest.mark.slow
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_two_processes_stop_together_whoever_is_told(tmp_path: Path, send: Callable[[int, int], None]) -> None:
    two = ("--trainer.strategy=ddp", "--trainer.devices=2", "--trainer.accelerator=cpu")
    child = run_until_first_epoch(tmp_path, *two)
    send(child.pid, signal.SIGTERM)
    check_stopped(child, tmp_path / "runs")
    time.sleep(10)
    with pytest.raises(ProcessLookupError):  # nobody is left
        os.killpg(child.pid, 0)
