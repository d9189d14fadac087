import os
from pathlib import Path

import pytest
import torch

from lightsmith.launch.slurm import TIME_IS_UP, note_job, requeue_if_time_is_up, requeued_run
from lightsmith.run_folder import LAST_CHECKPOINT
from tests.conftest import Cli
from tests.live_run import LiveRun

# What a job of one task finds in its environment.
JOB = {"JOB_ID": "77", "NTASKS": "1", "JOB_NAME": "train", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
VARIABLES = {f"SLURM_{name}": value for name, value in JOB.items()}


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)


def write_scontrol(folder: Path, exit_code: int = 0) -> Path:
    """A folder for PATH, whose scontrol notes what it is told."""
    (folder / "bin").mkdir()
    scontrol = folder / "bin" / "scontrol"
    scontrol.write_text(f"#!/bin/sh\necho $@ > {folder}/told\necho no such job >&2\nexit {exit_code}\n")
    scontrol.chmod(0o755)
    return folder / "bin"


def make_run(folder: Path, *command: str, checkpoint: bool = True) -> Path:
    (folder / LAST_CHECKPOINT.parent).mkdir(parents=True)
    if checkpoint:
        (folder / LAST_CHECKPOINT).touch()
    note_job(folder, command)
    return folder


@pytest.mark.usefixtures("job")
def test_a_requeued_job_finds_the_newest_run_of_its_own_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_run(tmp_path / "20260101-000000", "run", "--model.lr=1")
    make_run(tmp_path / "20260101-000001", "run", "--model.lr=1", checkpoint=False)
    make_run(tmp_path / "20260101-000002", "run", "--model.lr=2")
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    make_run(tmp_path / "20260101-000003", "run", "--model.lr=1")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert requeued_run(tmp_path, ["run", "--model.lr=1"]) is None
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert requeued_run(tmp_path, ["run", "--model.lr=1"]) == first
    assert requeued_run(tmp_path, ["run", "--model.lr=3"]) is None


def test_without_slurm_nothing_is_noted_and_nobody_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    note_job(tmp_path, ["run"])
    assert not list(tmp_path.iterdir())
    requeue_if_time_is_up(TIME_IS_UP)
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("job")
def test_only_the_end_of_its_time_puts_a_job_back_and_a_refusal_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    requeue_if_time_is_up(143)
    requeue_if_time_is_up(TIME_IS_UP)
    assert capsys.readouterr().out.startswith("SLURM      did not requeue job 77: scontrol: ")
    monkeypatch.setenv("PATH", f"{write_scontrol(tmp_path, 1)}:/bin")
    requeue_if_time_is_up(TIME_IS_UP)
    assert capsys.readouterr().out == "SLURM      did not requeue job 77: no such job\n"
    assert (tmp_path / "told").read_text() == "requeue 77\n"


@pytest.mark.usefixtures("job")
def test_a_checkpoint_of_lightnings_requeueing_starts_no_other_run(experiment: Cli, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "hpc_ckpt_1.ckpt").write_text("of another run")
    outcome = experiment("mnist_mlp", "--data.train_size=50", "--trainer.max_epochs=1", "--loggers=[csv]")
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.slow
def test_a_job_whose_time_is_up_saves_is_requeued_and_ends_in_the_same_folder(tmp_path: Path) -> None:
    path = f"{write_scontrol(tmp_path)}:{os.environ['PATH']}"
    options = ("--data.train_size=300", "--trainer.max_epochs=60", "--loggers=[csv]")
    with LiveRun(tmp_path / "x", "mnist_mlp", *options, PATH=path, **VARIABLES) as run:
        run.wait_until_said("epoch 3/")
        run.process.send_signal(TIME_IS_UP - 128)
        assert run.wait(60) == TIME_IS_UP
        assert "requeued job 77" in run.out
    assert (tmp_path / "told").read_text() == "requeue 77\n"
    (folder,) = (tmp_path / "x/runs/mnist_mlp").glob("[0-9]*")
    steps = torch.load(folder / LAST_CHECKPOINT, weights_only=True)["global_step"]
    assert 0 < steps < 120
    again = {**VARIABLES, "SLURM_RESTART_COUNT": "1"}
    with LiveRun(tmp_path / "x", "mnist_mlp", *options, PATH=path, **again) as run:
        assert run.wait(300) == 0, run.err
        assert f"continuing runs/mnist_mlp/{folder.name}" in run.out
    assert list((tmp_path / "x/runs/mnist_mlp").glob("[0-9]*")) == [folder]
    assert torch.load(folder / LAST_CHECKPOINT, weights_only=True)["global_step"] == 120
    assert not list((tmp_path / "x/runs").rglob("hpc_ckpt*"))
