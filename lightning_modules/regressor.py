"""Regression: a value for each item, and an interval that holds the true one for nine items in ten."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightning_modules.training.batch import Batch
from lightning_modules.training.loss_means import MeanOverItems
from lightning_modules.training.regression_metrics import regression_metrics
from lightning_modules.training.task import Headline, Task

LossName = Literal["mse", "l1", "huber"]
LOSSES: dict[str, Callable[..., Tensor]] = {"mse": F.mse_loss, "l1": F.l1_loss, "huber": F.huber_loss}


class Regressor(Task):
    """Regression; a task sets ``network``, which maps a batch's inputs to one output each, (B, 1).

    The network learns standardised values: less the mean of the training values, over their standard deviation. Its
    loss is of those; the metrics are in the values' own units.

    The interval is a split-conformal one (Papadopoulos et al. 2002; Lei et al. 2018, §2.2): on either side of the
    value it reaches as far as the errors of 90% of the validation items. Every validation computes it anew, so each
    checkpoint has the interval of its own weights.

    Args:
        loss: squared error, absolute error, or Huber's (1964), which is squared up to one deviation, then absolute.
    """

    kind = "regression"
    headline = Headline("rmse", "min")
    target = "value"
    answer_type = ValueWithInterval
    width = 1

    def __init__(self, loss: LossName = "mse", **recipe: Any) -> None:
        super().__init__(**recipe)
        self.loss_function = LOSSES[loss]
        # Numbers beside the weights, not buffers among them, of which an average of weights would make others.
        self.mean, self.deviation = 0.0, 1.0
        self.half_width: float | None = None  # of the interval, once it is known
        self.coverage = MeanOverItems()  # of the test values by their intervals
        self.measure(regression_metrics())

    @property
    def answer(self) -> ValueWithInterval:
        return ValueWithInterval(self.mean, self.deviation, self.half_width)

    def on_fit_start(self) -> None:
        """Take mean and deviation from the training values, which are the same in every process and after a resume.

        Raises:
            ValueError: the data does not say what its values are like.
        """
        super().on_fit_start()
        data = self.trainer.datamodule  # type: ignore[attr-defined]  # set by Lightning's connector
        if not hasattr(data, "values"):
            raise ValueError(f"{type(self).__name__} needs data with values, which {type(data).__name__} lacks")
        self.standardise_by(data.values)

    def standardise_by(self, values: Mapping[str, float]) -> None:
        """Take ``mean`` and ``deviation`` from what is known of values."""
        self.mean, self.deviation = values["mean"], values["deviation"]

    def outputs_of(self, teacher: Task, batch: Batch) -> Tensor:
        assert isinstance(teacher, Regressor)
        value = teacher.outputs(batch) * teacher.deviation + teacher.mean
        return (value - self.mean) / self.deviation

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean loss () of the standardised values."""
        return self.loss_function(outputs[:, 0], (batch.label - self.mean) / self.deviation)

    def update(self, metrics: MetricCollection, outputs: Tensor, batch: Batch) -> None:
        # Values less their mean have the same errors, and squares that float32 can sum.
        metrics.update(outputs[:, 0] * self.deviation, batch.label - self.mean)

    def predictions(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Value, and the ends of its interval if that is known: (B, 3) or (B, 1)."""
        value = outputs[:, 0] * self.deviation + self.mean
        if self.half_width is None:
            return value[:, None]
        return torch.stack([value, value - self.half_width, value + self.half_width], dim=1)

    def on_validation_epoch_end(self) -> None:
        reach = float(self.val_metrics["error_90"].compute())
        self.half_width = None if math.isinf(reach) else reach
        super().on_validation_epoch_end()

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        predictions = super().test_step(batch, batch_idx)
        if predictions.shape[1] > 1:
            inside = (predictions[:, 1] <= batch.label) & (batch.label <= predictions[:, 2])
            self.coverage.update(inside.float().mean(), len(inside))
        return predictions

    def on_test_epoch_end(self) -> None:
        super().on_test_epoch_end()
        if self.half_width is not None:
            self.log("test/coverage", self.coverage.compute())
        self.coverage.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["lightsmith"]["answer"] = self.answer.settings

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        if settings := checkpoint.get("lightsmith", {}).get("answer"):
            answer = ValueWithInterval.restored(settings)
            self.mean, self.deviation, self.half_width = answer.mean, answer.deviation, answer.half_width
