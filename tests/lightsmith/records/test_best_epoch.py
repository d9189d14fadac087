from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from lightsmith.records.best_epoch import best_epoch
from lightsmith.records.parts import Best, Figures
from lightsmith.runs.exact_resume import KEY


@pytest.fixture
def trainer(tmp_path: Path) -> Any:
    """One that has trained nine epochs, of which the fourth has the checkpoint named best."""
    (tmp_path / "checkpoints").mkdir()
    logged = {"train/loss": 1.0, "val/f1": 0.83, "val/loss": 0.10000000149, "val/n": 50.0}
    torch.save({"epoch": 3, KEY: {"metrics": logged}}, tmp_path / "checkpoints/best.ckpt")
    best = ModelCheckpoint(filename="best", monitor="val/f1", mode="max")
    callbacks, task = [ModelCheckpoint(monitor="val/loss"), best], SimpleNamespace(metric_names=["f1"])
    return SimpleNamespace(callbacks=callbacks, current_epoch=9, lightning_module=task)


def test_the_epoch_is_that_of_the_file_counted_from_one(trainer: Any, tmp_path: Path) -> None:
    trainer.callbacks[1].best_model_score = torch.tensor(0.83)
    assert best_epoch(trainer, tmp_path) == Best(4, "val/f1", 0.83, Figures(50, {"loss": 0.1, "f1": 0.83}))


def test_of_weights_alone_no_validation_is_known(trainer: Any, tmp_path: Path) -> None:
    trainer.callbacks[1].best_model_score = torch.tensor(0.83)
    torch.save({"epoch": 3}, tmp_path / "checkpoints/best.ckpt")
    assert best_epoch(trainer, tmp_path) == Best(4, "val/f1", 0.83)


def test_where_nothing_chose_it_is_the_last_one(trainer: Any, tmp_path: Path) -> None:
    assert best_epoch(trainer, tmp_path) == Best(9, None, None)
