"""The test items that the model is most wrong about."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor

from lightning_modules.training.batch import Batch


class Mistake(NamedTuple):
    """Ordered by how little probability the true class got."""

    regret: float
    position: int
    label: int
    prediction: int
    confidence: float


class WrongValue(NamedTuple):
    """Ordered by how far a value is from the true one."""

    error: float
    position: int
    label: float
    value: float


class LogWorstPredictions(Callback):
    """Keeps the wrong predictions whose true class got least probability, or the values that are farthest off.

    Classes are shown in Weights & Biases too.

    worst_predictions.csv of a run is made from it.

    Args:
        count: how many.

    Attributes:
        worst: the mistakes, worst first, once the test has ended.
        target: what the tested task learns from.
    """

    def __init__(self, count: int = 50) -> None:
        self.count = count
        self.worst: list[Any] = []  # Mistake or WrongValue
        self.target = "class"

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.worst = []
        self.target = pl_module.target

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self.target == "class":
            self.worst = heapq.nlargest(self.count, [*self.worst, *_mistakes(outputs, batch)])
        elif self.target == "value":
            self.worst = heapq.nlargest(self.count, [*self.worst, *_wrong_values(outputs, batch)])

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size > 1:
            parts: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(parts, self.worst)
            self.worst = heapq.nlargest(self.count, chain(*parts))

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        data = getattr(trainer, "datamodule", None)
        for logger in trainer.loggers:
            if (
                isinstance(logger, WandbLogger)
                and trainer.is_global_zero
                and data is not None
                and self.target == "class"
            ):
                self._log(logger, data, pl_module.class_names)

    def _log(self, logger: WandbLogger, data: Any, class_names: list[str]) -> None:
        """A table; images, which a table's file cannot hold, beside it under ``test/worst_images``."""
        items = [data.item("test", m.position) for m in self.worst]
        rows = [[class_names[m.label], class_names[m.prediction], m.confidence, m.position] for m in self.worst]
        columns = ["label", "prediction", "confidence", "index"]
        if all(isinstance(item, str) for item in items):
            columns, rows = ["item", *columns], [[item, *row] for item, row in zip(items, rows, strict=True)]
        else:
            captions = [f"{label}, taken for {taken} ({sure:.0%}), {index}" for label, taken, sure, index in rows]
            logger.log_image("test/worst_images", [item.squeeze() for item in items], caption=captions)
        logger.log_table("test/worst", columns=columns, data=rows)


def _mistakes(probabilities: Tensor, batch: Batch) -> Iterator[Mistake]:
    confidence, prediction = probabilities.max(1)
    of_true_class = probabilities.gather(1, batch.label[:, None])[:, 0]
    wrong = (prediction != batch.label).nonzero()[:, 0]
    columns = (1 - of_true_class, batch.index, batch.label, prediction, confidence)
    return (Mistake(*row) for row in zip(*(column[wrong].tolist() for column in columns), strict=True))


def _wrong_values(predictions: Tensor, batch: Batch) -> Iterator[WrongValue]:
    value = predictions[:, 0]
    columns = ((value - batch.label).abs(), batch.index, batch.label, value)
    return (WrongValue(*row) for row in zip(*(column.tolist() for column in columns), strict=True))
