from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from lightning_modules.training.trainer_state import forget_best
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


class Score(Callback):
    """Epochs that look ever worse, and a network that changes before the third."""

    def __init__(self, mode: str, forgets: bool) -> None:
        self.sign = -1.0 if mode == "max" else 1.0
        self.forgets = forgets

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.forgets and trainer.current_epoch == 2:
            forget_best(trainer)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pl_module.log("score", torch.tensor(self.sign * trainer.current_epoch))


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize(("forgets", "best_epoch"), [(True, 2), (False, 0)])
def test_only_later_epochs_can_be_the_best(tmp_path: Path, mode: str, forgets: bool, best_epoch: int) -> None:
    best = ModelCheckpoint(tmp_path, "best", monitor="score", mode=mode, enable_version_counter=False)
    stopping = EarlyStopping("score", mode=mode, patience=3)
    options = {"max_epochs": 6, "num_sanity_val_steps": 0, "enable_checkpointing": True}
    trainer = tiny_trainer(Score(mode, forgets), best, stopping, **options)
    trainer.fit(TinyModel(), TinyData())
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == best_epoch
    assert trainer.current_epoch == (6 if forgets else 4)
