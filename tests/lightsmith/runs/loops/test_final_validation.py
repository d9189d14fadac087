"""Whatever ends a training, its last state has been validated."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from lightsmith.runs.trainer import ExperimentTrainer
from tests.conftest import Cli
from tests.tiny_task import TinyData, TinyModel

STEPS = 5  # an epoch's


class NoteValidations(Callback):
    """The optimizer steps after which validations began."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_validation_start(self, trainer: Trainer, *_: Any) -> None:
        self.steps.append(trainer.global_step)


class StopInSecondEpoch(Callback):
    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.global_step >= STEPS + 2


def validations(*callbacks: Callback, **options: Any) -> list[int]:
    noted = NoteValidations()
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    quiet |= {"accelerator": "cpu", "num_sanity_val_steps": 0, "enable_checkpointing": False}
    trainer = ExperimentTrainer(callbacks=[noted, *callbacks], default_root_dir=Path.cwd(), **{**quiet, **options})
    trainer.fit(TinyModel(), TinyData())
    return noted.steps


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_epochs": 2}, [5, 10]),
        ({"max_steps": 7}, [5, 7]),
        ({"max_steps": 3}, [3]),
        ({"max_steps": 10}, [5, 10]),
        ({"max_steps": 7, "val_check_interval": 2}, [2, 4, 7]),
        ({"max_steps": 3, "accumulate_grad_batches": 2}, [3]),  # the fifth batch of an epoch is a step of its own
        ({"max_epochs": 3, "check_val_every_n_epoch": 2}, [10, 15]),
        ({"max_epochs": 2, "check_val_every_n_epoch": 5}, [10]),
        ({"max_epochs": 2, "limit_val_batches": 0}, []),
        ({"max_steps": 2, "limit_val_batches": 0}, []),
        ({"fast_dev_run": 2}, [2]),
    ],
    ids=str,
)
def test_the_last_step_is_validated_and_none_twice(options: dict[str, Any], expected: list[int]) -> None:
    assert validations(**options) == expected


def test_a_stop_in_mid_epoch_is_validated_in_an_epoch_that_would_not_be() -> None:
    assert validations(StopInSecondEpoch(), max_epochs=9, check_val_every_n_epoch=3) == [STEPS + 2]


def test_the_state_at_max_steps_competes_for_the_best(experiment: Cli, tmp_path: Path) -> None:
    short = ("--data.train_size=100", "--data.batch_size=10", "--trainer.max_steps=13", "--trainer.max_epochs=-1")
    rate = ("--model.lr=0.002", "--model.schedule=constant", "--model.warmup_fraction=0")  # better with each step
    assert experiment("mnist_mlp", *short, *rate, "--loggers=[csv]").code == 0
    run = (tmp_path / "runs/mnist_mlp/latest").resolve()
    with (run / "metrics.csv").open(newline="") as lines:
        validated = [row for row in csv.DictReader(lines) if row["val/accuracy"]]
    assert [int(row["step"]) for row in validated] == [9, 12]
    best = torch.load(run / "checkpoints/best.ckpt", weights_only=True)
    assert best["global_step"] == 13
    assert json.loads((run / "results.json").read_text())["test"]["accuracy"] > 0
