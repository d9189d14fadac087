"""Which classes are taken for which."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import WandbLogger


class LogConfusionMatrix(Callback):
    """Counts the test predictions by true and predicted class, and shows them in Weights & Biases.

    ``counts`` is int64 (classes, classes), rows are true classes.
    """

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        size = len(pl_module.class_names)
        self.counts = torch.zeros(size, size, dtype=torch.int64)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        cells = batch.label * len(self.counts) + outputs.argmax(1)
        self.counts += torch.bincount(cells.cpu(), minlength=self.counts.numel()).view_as(self.counts)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.counts = trainer.strategy.reduce(self.counts.to(pl_module.device), reduce_op="sum").cpu()
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger) and trainer.is_global_zero:
                self._log(logger, pl_module.class_names)

    def _log(self, logger: WandbLogger, class_names: list[str]) -> None:
        import wandb

        cells = torch.arange(self.counts.numel()).repeat_interleave(self.counts.flatten())
        labels, predictions = cells // len(class_names), cells % len(class_names)
        plot = wandb.plot.confusion_matrix(
            y_true=labels.tolist(), preds=predictions.tolist(), class_names=class_names, title="Test confusion matrix"
        )
        logger.log_metrics({"test/confusion_matrix": plot})  # type: ignore[dict-item]  # W&B takes more than numbers
