"""Lightning's Trainer with one more verb: ``run``."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer


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
        self.test(model, datamodule=datamodule, ckpt_path=None if self.fast_dev_run else "best", verbose=False)
