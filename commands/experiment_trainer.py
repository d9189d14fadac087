"""Lightning's Trainer with one more verb: ``run``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from commands.run_folder import BEST_CHECKPOINT


class ExperimentTrainer(Trainer):
    """A Trainer that can do a whole experiment."""

    # Set by Lightning's connectors, where no type checker sees them.
    callbacks: list[Callback]
    datamodule: Any
    fast_dev_run: bool | int

    def run(self, model: LightningModule, datamodule: LightningDataModule, ckpt_path: str | None = None) -> None:
        """Fit, test the best checkpoint, write the results.

        Args:
            model: the task.
            datamodule: its data.
            ckpt_path: a checkpoint to continue from.
        """
        self.fit(model, datamodule=datamodule, ckpt_path=ckpt_path)
        # A fast_dev_run keeps no checkpoint: it tests the weights as they are.
        best = best_checkpoint(self.callbacks)
        self.test(model, datamodule=datamodule, ckpt_path=best.best_model_path if best else None, verbose=False)


def best_checkpoint(callbacks: Sequence[Callback]) -> ModelCheckpoint | None:
    """The callback that keeps the best checkpoint, known by its file's name."""
    named = (c for c in callbacks if isinstance(c, ModelCheckpoint) and c.filename == BEST_CHECKPOINT.stem)
    return next(named, None)
