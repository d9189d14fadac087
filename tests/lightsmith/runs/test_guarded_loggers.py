from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import CSVLogger, Logger

from lightsmith.runs.guarded_loggers import guard_loggers
from tests.conftest import Cli
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

SMALL = ("--data.train_size=100", "--trainer.max_epochs=1", "--trainer.log_every_n_steps=1")


class Failing(Logger):
    """A person's own logger, which fails in one of its calls."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at
        self.calls: list[str] = []

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.at:
            raise OSError("the disk is gone")

    @property
    def name(self) -> str:
        return "failing"

    version = name

    @property
    def experiment(self) -> None:
        self._called("experiment")

    def log_metrics(self, *_: Any, **__: Any) -> None:
        self._called("log_metrics")

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        self._called("log_hyperparams")

    def save(self) -> None:
        self._called("save")

    def finalize(self, status: str) -> None:
        self._called("finalize")


@pytest.mark.parametrize("at", ["experiment", "log_hyperparams", "log_metrics", "save", "finalize"])
def test_a_logger_that_fails_is_left_out_and_the_others_go_on(
    tmp_path: Path, at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = Failing(at)
    trainer = tiny_trainer(logger=[failing, CSVLogger(tmp_path, name="", version="")], max_epochs=2)
    guard_loggers(trainer)
    for logger in trainer.loggers:
        logger.log_hyperparams({"lr": 1})
    trainer.fit(TinyModel(), TinyData())
    assert (failing.calls.count(at), failing.calls[-1]) == (1, at)
    assert [type(logger) for logger in trainer.loggers] == [CSVLogger]
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) > 10
    said = "Failing    switched off, and the run goes on without it: the disk is gone"
    assert capsys.readouterr().out.splitlines().count(said) == 1


@pytest.mark.parametrize(
    ("broken", "title"),
    [
        ("wandb.init", "W&B"),
        ("wandb.sdk.wandb_run.Run.log", "W&B"),
        ("lightning.pytorch.loggers.csv_logs.CSVLogger.save", "metrics.csv"),
    ],
)
def test_no_logger_costs_a_run_its_results(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, title: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(broken, fail)
    outcome = experiment("mnist_mlp", *SMALL)
    assert (outcome.code, outcome.err) == (0, "")
    (line,) = (line for line in outcome.out.splitlines() if "switched off" in line)
    assert line.startswith(f"{title} ")
    assert line.endswith("No space left on device")
    assert (tmp_path / "runs" / "mnist_mlp" / "latest" / "results.json").is_file()
