import csv
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb
from lightning.pytorch.loggers import TensorBoardLogger

from lightsmith.runs.loggers import FOLDERS, MetricsLogger, RunFilesLogger, build_loggers, finish_wandb, tracked_offline
from tests.conftest import Cli
from tests.live_run import LiveRun

KEY = "k" * 40


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def log(folder: Path, steps_done: int, metrics: dict[int, dict[str, float]]) -> None:
    (logger,) = build_loggers(["csv"], folder, "x", {"global_step": steps_done})
    for step, values in metrics.items():
        logger.log_metrics(values, step)
    logger.save()


@pytest.mark.filterwarnings("ignore:.*exists and is not empty")
def test_a_resumed_run_keeps_the_rows_of_the_steps_it_keeps(tmp_path: Path) -> None:
    log(tmp_path, 0, {1: {"a": 1.0}, 3: {"a": 2.0}, 5: {"a": 3.0}})
    log(tmp_path, 4, {5: {"a": 4.0, "b": 5.0}})
    assert [(row["step"], row["a"], row["b"]) for row in rows(tmp_path)] == [
        ("1", "1.0", ""),
        ("3", "2.0", ""),
        ("5", "4.0", "5.0"),
    ]


def test_loggers_write_into_the_run_folder_by_name(tmp_path: Path) -> None:
    loggers = build_loggers(["csv", "wandb", "tensorboard"], tmp_path, "x", {})
    assert [type(logger) for logger in loggers] == [MetricsLogger, RunFilesLogger, TensorBoardLogger]
    assert [Path(str(logger.save_dir)) for logger in loggers] == [tmp_path] * 3
    assert build_loggers([], tmp_path, "x", {}) == []


def test_the_settings_are_written_once_for_fit_and_test(tmp_path: Path) -> None:
    (logger,) = build_loggers(["csv"], tmp_path, "x", {})
    logger.log_hyperparams({"model": {"lr": 0.1}})
    for _ in range(2):
        logger.log_hyperparams({"lr": 0.1, "class_names": ["a", "b"]})
    assert (tmp_path / "hparams.yaml").read_text() == "model:\n  lr: 0.1\n"


def test_finish_lets_the_next_run_start_and_leaves_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        logger: Any
        (logger,) = build_loggers(["wandb"], tmp_path / name, "x", {})
        assert logger.experiment.id.startswith(f"x-{name}-")
        finish_wandb()
        assert wandb.run is None
        assert list((tmp_path / name / "wandb").glob("offline-run-*/*.wandb"))
    finish_wandb()  # nothing to finish is fine


def test_runs_of_one_second_on_two_machines_are_two_runs_and_a_resumed_one_is_the_same(tmp_path: Path) -> None:
    ids = []
    for machine in ("here", "there", "here"):
        folder = tmp_path / machine / "x" / "20260101-000000"
        folder.mkdir(parents=True, exist_ok=True)
        logger: Any
        (logger,) = build_loggers(["wandb"], folder, "x", {})
        ids.append(logger.version)
    assert ids[0] == ids[2] != ids[1]
    assert all(name.startswith("x-20260101-000000-") for name in ids)


def test_tests_have_no_key() -> None:
    assert os.environ["WANDB_MODE"] == "offline"
    assert "WANDB_API_KEY" not in os.environ


@pytest.fixture
def silent_host() -> Iterator[str]:
    """A server that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


CLOSED_HOST = "http://127.0.0.1:9"


def online(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", host)


def test_a_host_that_is_down_changes_nothing_but_where_the_record_lies(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    online(monkeypatch, CLOSED_HOST)
    outcome = experiment("mnist_mlp", "--data.train_size=500", "--trainer.max_epochs=1")
    assert (outcome.code, outcome.err) == (0, "")
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    assert "W&B        recording offline: the server does not answer\n" in outcome.out
    assert f"offline; upload with: .venv/bin/wandb sync runs/mnist_mlp/{run.name}/wandb/latest-run" in outcome.out
    (recorded,) = run.glob("wandb/offline-run-*/*.wandb")
    deadline = time.monotonic() + 10
    while recorded.stat().st_size <= 1000 and time.monotonic() < deadline:  # W&B's own process writes it
        time.sleep(0.1)
    assert recorded.stat().st_size > 1000
    assert {"results.json", "metrics.csv"} <= {path.name for path in run.iterdir()}


def test_a_silent_host_is_waited_for_five_seconds(
    silent_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightsmith.tracking.login.PATIENCE_SECONDS", 0.5)
    online(monkeypatch, silent_host)
    started = time.monotonic()
    assert tracked_offline(build_loggers(["wandb"], tmp_path, "x", {}))
    assert 0.5 < time.monotonic() - started < 10
    finish_wandb(tmp_path)


def test_an_upload_that_does_not_end_is_left_to_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Endless:
        def finish(self, exit_code: int) -> None:
            raise TimeoutError

    monkeypatch.setattr("wandb.run", Endless())
    finish_wandb(tmp_path)
    assert capsys.readouterr().out == (
        "W&B        out of reach; upload the rest with: .venv/bin/wandb sync ./wandb/latest-run\n"
    )


def test_an_end_that_fails_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def finish(self, exit_code: int) -> None:
            raise OSError("No space left on device")

    monkeypatch.setattr("wandb.run", Broken())
    finish_wandb(tmp_path)
    assert capsys.readouterr().out == "W&B        its record may lack the end: No space left on device\n"
    assert wandb.run is None


def files_recorded(folder: Path) -> set[str]:
    """The files, by absolute paths, in what W&B would upload."""
    (recorded,) = folder.rglob("offline-run-*/*.wandb")
    content = recorded.read_bytes().decode("latin-1")
    assert "staging" not in content
    return {path for path in re.findall(r"/[\w.-]+(?:/[\w.-]+)+", content) if Path(path).is_file()}


def test_what_waits_for_an_upload_lies_in_the_run_folder_wherever_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WANDB_CACHE_DIR", raising=False)
    monkeypatch.setenv("WANDB_DATA_DIR", "/proc/none")
    logger: Any
    (logger,) = build_loggers(["wandb"], tmp_path, "tiny", {})
    assert capsys.readouterr().out == (
        "W&B        WANDB_DATA_DIR=/proc/none cannot be written: the run folder is used instead\n"
    )
    assert [os.environ[name] for name in FOLDERS] == [str(tmp_path / "wandb" / name) for name in ("data", "cache")]
    logger.log_table("words", columns=["word"], data=[["a"], ["b"]])
    plot = wandb.plot.confusion_matrix(y_true=[0, 1], preds=[1, 1], class_names=["a", "b"])
    logger.log_metrics({"matrix": plot})
    finish_wandb()
    assert files_recorded(tmp_path) == set()
    tables = {path.name.partition("_0")[0].partition("_1")[0] for path in tmp_path.rglob("*.table.json")}
    assert tables == {"words", "matrix_table"}


def test_a_folder_that_somebody_chose_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "mine"))
    build_loggers(["wandb"], tmp_path, "tiny", {})
    assert os.environ["WANDB_DATA_DIR"] == str(tmp_path / "mine")


@pytest.mark.slow
def test_a_run_writes_nothing_at_home_though_no_folder_of_wandbs_can_be_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    nowhere = {"HOME": str(home), **dict.fromkeys(("WANDB_DATA_DIR", "WANDB_DIR", "WANDB_CACHE_DIR"), "/proc/none")}
    with LiveRun(tmp_path / "here", "mnist_mlp", "--data.train_size=100", "--trainer.max_epochs=1", **nowhere) as live:
        assert live.wait(120) == 0, live.err
    assert live.err == ""
    assert list(home.iterdir()) == []
    (run,) = (live.folder / "runs" / "mnist_mlp").glob("[0-9]*")
    assert (run / "results.json").is_file()
    media = [path.name for path in run.glob("wandb/offline-run-*/files/media/**/*") if path.is_file()]
    for name in ("worst_images", "worst_", "confusion_matrix_table"):
        assert any(file.startswith(name) for file in media)
    assert files_recorded(run) == set()


TASKS = {
    "mnist_mlp": (),
    "cifar_cnn": (),
    "imdb_lstm": ("--data.max_tokens=40",),
    "bert_classifier": ("--data.max_tokens=40",),
    "resnet_transfer": (),
}


def timed_run(folder: Path, name: str, *options: str, **environment: str) -> tuple[LiveRun, float]:
    """A small run, and after how many seconds it began to train."""
    small = ("--data.train_size=64", "--trainer.max_epochs=2", "--trainer.limit_val_batches=1")
    started = time.monotonic()
    with LiveRun(folder, name, *small, "--trainer.limit_test_batches=1", *options, **environment) as run:
        run.wait_until_said("hardware")
        begun = time.monotonic() - started
        assert run.wait(250) == 0, run.err
    return run, begun


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_task_finishes_without_a_network(silent_host: str, tmp_path: Path) -> None:
    later = []
    for i, (name, options) in enumerate(TASKS.items()):
        dead = {"WANDB_MODE": "online", "WANDB_API_KEY": KEY, "WANDB_BASE_URL": (CLOSED_HOST, silent_host)[i % 2]}
        _, usual = timed_run(tmp_path / f"{name}-offline", name, *options)
        run, begun = timed_run(tmp_path / name, name, *options, **dead)
        later.append(begun - usual)
        assert "wandb sync" in run.out
        (folder,) = (run.folder / "runs" / name).glob("[0-9]*")
        assert list(folder.glob("wandb/offline-run-*/*.wandb"))
        assert json.loads((folder / "results.json").read_text())["fit"]["epochs"] == 2
        assert (folder / "metrics.csv").stat().st_size
    print(f"| dead network | 5/5 finished, training began at most {max(later):.1f} s later |")
    assert max(later) <= 15
