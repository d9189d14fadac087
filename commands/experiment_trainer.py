"""Lightning's Trainer with one more verb: ``run``."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


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
        self.test(model, datamodule=datamodule, ckpt_path=self._best_checkpoint(), verbose=False)

    def _best_checkpoint(self) -> str | None:
        """What the callback of that name kept; a fast_dev_run keeps nothing and tests the weights as they are."""
        kept = (c.best_model_path for c in self.callbacks if isinstance(c, ModelCheckpoint) and c.filename == "best")
        return next(kept, None)
