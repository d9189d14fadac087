"""The test items that the model is most wrong about."""

from __future__ import annotations

import heapq
from itertools import chain
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import WandbLogger


class Mistake(NamedTuple):
    """Ordered by how little probability the true class got."""

    regret: float
    position: int
    label: int
    prediction: int
    confidence: float


class LogWorstPredictions(Callback):
    """Keeps the wrong predictions whose true class got least probability, and shows them in Weights & Biases.

    worst_predictions.csv of a run is made from it.

    Args:
        count: how many.

    Attributes:
        worst: the mistakes, worst first, once the test has ended.
    """

    def __init__(self, count: int = 50) -> None:
        self.count = count
        self.worst: list[Mistake] = []
        self._of_classes = True

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.worst = []
        self._of_classes = pl_module.target == "class"

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not self._of_classes:
            return
        confidence, prediction = outputs.max(1)
        of_true_class = outputs.gather(1, batch.label[:, None])[:, 0]
        wrong = (prediction != batch.label).nonzero()[:, 0]
        columns = (1 - of_true_class, batch.index, batch.label, prediction, confidence)
        mistakes = (Mistake(*row) for row in zip(*(column[wrong].tolist() for column in columns), strict=True))
        self.worst = heapq.nlargest(self.count, [*self.worst, *mistakes])

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.world_size > 1:
            parts: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(parts, self.worst)
            self.worst = heapq.nlargest(self.count, chain(*parts))

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        data = getattr(trainer, "datamodule", None)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger) and trainer.is_global_zero and data is not None and self._of_classes:
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
