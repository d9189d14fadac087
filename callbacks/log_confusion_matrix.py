"""Counts which classes are taken for which."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor

from lightning_modules.training.batch import Batch

LARGEST_PLOT = 50  # classes; a plot has a row for each item, and shows nothing of a thousand classes


class LogConfusionMatrix(Callback):
    """Counts the test predictions by true and predicted class, and shows those of few classes in Weights & Biases.

    The results of a run are made from it: per-class figures, and confusion_matrix.csv. A task without classes has
    nothing to count.

    Attributes:
        counts: int64 (classes, classes), of all processes once the test has ended; rows are true classes.
    """

    def __init__(self) -> None:
        self.counts = torch.zeros(0, 0, dtype=torch.int64)

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        size = pl_module.width if pl_module.target == "class" else 0
        self.counts = torch.zeros(size, size, dtype=torch.int64)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if len(self.counts):
            count_pairs(self.counts, batch.label.cpu(), outputs.argmax(1).cpu())

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.counts = trainer.strategy.reduce(self.counts.to(pl_module.device), reduce_op="sum").cpu()

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        for logger in trainer.loggers:
            few = 0 < len(self.counts) <= LARGEST_PLOT
            if isinstance(logger, WandbLogger) and trainer.is_global_zero and few:
                self._log(logger, pl_module.class_names)

    def _log(self, logger: WandbLogger, class_names: list[str]) -> None:
        import wandb

        cells = torch.arange(self.counts.numel()).repeat_interleave(self.counts.flatten())
        labels, predictions = cells // len(class_names), cells % len(class_names)
        plot = wandb.plot.confusion_matrix(
            y_true=labels.tolist(), preds=predictions.tolist(), class_names=class_names, title="Test confusion matrix"
        )
        logger.log_metrics({"test/confusion_matrix": plot})  # type: ignore[dict-item]  # W&B takes more than numbers


def count_pairs(counts: Tensor, label: Tensor, prediction: Tensor) -> None:
    """Add items to a confusion matrix, in place.

    Args:
        counts: int64 (classes, classes), rows are true classes.
        label: int64 (B,).
        prediction: int64 (B,).
    """
    counts.index_put_((label, prediction), torch.ones_like(label), accumulate=True)
