import csv
import os
from pathlib import Path
from typing import Any

import pytest
import wandb
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger, WandbLogger

from commands.tracking import build_loggers, finish_wandb, logged_in, wandb_mode


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def log(folder: Path, steps_done: int, metrics: dict[int, dict[str, float]]) -> None:
    (logger,) = build_loggers(["csv"], folder, "x", steps_done)
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
    loggers = build_loggers(["csv", "wandb", "tensorboard"], tmp_path, "x", 0)
    assert [type(logger) for logger in loggers] == [CSVLogger, WandbLogger, TensorBoardLogger]
    assert [Path(str(logger.save_dir)) for logger in loggers] == [tmp_path] * 3
    assert build_loggers([], tmp_path, "x", 0) == []


def test_finish_lets_the_next_run_start_and_leaves_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        logger: Any
        (logger,) = build_loggers(["wandb"], tmp_path / name, "x", 0)
        assert logger.experiment.id == f"x-{name}"  # the same on resume, which continues the same W&B run
        finish_wandb()
        assert wandb.run is None
        assert list((tmp_path / name / "wandb").glob("offline-run-*/*.wandb"))
    finish_wandb()  # nothing to finish is fine


def test_online_only_where_somebody_is_logged_in_or_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE")
    assert (logged_in(), wandb_mode()) == (False, "offline")
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    assert (logged_in(), wandb_mode()) == (True, "online")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode() == "disabled"


def test_wandb_login_in_netrc_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Netrc:
        def authenticators(self, host: str) -> Any:
            return ("user", "", "key") if host == "api.wandb.ai" else None

    monkeypatch.setattr("netrc.netrc", Netrc)
    assert logged_in()


def test_tests_have_no_key() -> None:
    assert os.environ["WANDB_MODE"] == "offline"
    assert "WANDB_API_KEY" not in os.environ
