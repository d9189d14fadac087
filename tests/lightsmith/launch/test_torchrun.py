import json
import os
import random
import time
from pathlib import Path

import pytest

from lightsmith.launch.torchrun import note_launch, restarted_run
from lightsmith.run_folder import LAST_CHECKPOINT
from tests.live_run import LiveRun

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1")
TWO = ("--trainer.strategy=ddp", "--trainer.devices=2", "--trainer.accelerator=cpu", "--loggers=[csv]")


def make_run(folder: Path, launch: str, monkeypatch: pytest.MonkeyPatch, checkpoint: bool = True) -> Path:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", launch)
    (folder / "checkpoints").mkdir(parents=True)
    if checkpoint:
        (folder / LAST_CHECKPOINT).touch()
    note_launch(folder)
    return folder


def test_a_restart_finds_the_newest_run_of_its_own_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_run(tmp_path / "20260101-000000", "mine", monkeypatch)
    make_run(tmp_path / "20260101-000001", "mine", monkeypatch, checkpoint=False)
    make_run(tmp_path / "20260101-000002", "another", monkeypatch)
    (tmp_path / "latest").symlink_to("20260101-000002")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "mine")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    assert restarted_run(tmp_path) is None
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert restarted_run(tmp_path) == first
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")  # what torchrun says when it is given no name
    assert restarted_run(tmp_path) is None
    unnamed = make_run(tmp_path / "20260101-000003", "none", monkeypatch)
    assert restarted_run(tmp_path) == unnamed
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert restarted_run(tmp_path) is None


def test_without_torchrun_nothing_is_noted_and_nothing_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    note_launch(tmp_path)
    assert not list(tmp_path.iterdir())
    assert restarted_run(tmp_path) is None


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_torchrun_restarts_killed_ranks_and_they_finish_in_the_same_folder(tmp_path: Path) -> None:
    rng, seconds = random.Random(0), []
    options = (*TWO, "--data.train_size=1000", "--trainer.max_epochs=40")
    for i in range(10):
        with LiveRun(tmp_path / str(i), "mnist_mlp", *options, launcher=TORCHRUN) as run:
            run.wait_until_said("epoch 2/")
            time.sleep(rng.uniform(0, 0.5))
            ranks = [process for process in run.python_processes() if process.ppid() == run.process.pid]
            started = time.monotonic()
            ranks[i % 2].kill()
            ranks[1 - i % 2].wait(60)
            seconds.append(time.monotonic() - started)
            assert run.wait(300) == 0, run.err
            (folder,) = (run.folder / "runs" / "mnist_mlp").glob("[0-9]*")
            fit = json.loads((folder / "results.json").read_text())["fit"]
            assert (fit["epochs"], fit["steps"]) == (40, 80)
            assert "continuing" in run.out
            assert not run.left_behind()
    print(f"| ranks killed under torchrun | 10/10 finished, survivors ended within {max(seconds):.1f} s, 0 orphans |")
    assert max(seconds) <= 10
