from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from lightsmith.records.best_epoch import best_epoch


@pytest.fixture
def trainer(tmp_path: Path) -> Any:
    """One that has trained nine epochs, of which the fourth has the checkpoint named best."""
    (tmp_path / "checkpoints").mkdir()
    torch.save({"epoch": 3, "weights": torch.zeros(1000)}, tmp_path / "checkpoints/best.ckpt")
    best = ModelCheckpoint(filename="best", monitor="val/f1", mode="max")
    return SimpleNamespace(callbacks=[ModelCheckpoint(monitor="val/loss"), best], current_epoch=9)


def test_the_epoch_is_that_of_the_file_counted_from_one(trainer: Any, tmp_path: Path) -> None:
    trainer.callbacks[1].best_model_score = torch.tensor(0.83)
    assert best_epoch(trainer, tmp_path) == {"metric": "val/f1", "value": 0.83, "epoch": 4}


def test_where_nothing_chose_it_is_the_last_one(trainer: Any, tmp_path: Path) -> None:
    assert best_epoch(trainer, tmp_path) == {"metric": None, "value": None, "epoch": 9}
