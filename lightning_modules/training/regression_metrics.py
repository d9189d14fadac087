"""The metrics of regression."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, R2Score
from torchmetrics.utilities import dim_zero_cat

from lightning_modules.training.answers.value_with_interval import COVERAGE


class ExplainedShare(R2Score):
    """R², of which a single item has none: NaN there, where torchmetrics raises."""

    def compute(self) -> Tensor:
        return super().compute() if self.total > 1 else torch.tensor(torch.nan, device=self.total.device)


class ErrorReach(Metric):
    """The absolute error that a new item stays within with a probability of 90%, judged by those seen.

    That is the k-th smallest of n errors, with k = ⌈(n + 1) · 0.9⌉ (Lei et al. 2018, §2.2): infinite below nine items.
    """

    higher_is_better = False
    full_state_update = False
    errors: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("errors", [], dist_reduce_fx="cat")

    def update(self, predicted: Tensor, value: Tensor) -> None:
        self.errors.append((predicted - value).abs())

    def compute(self) -> Tensor:
        errors = dim_zero_cat(self.errors)
        rank = math.ceil((len(errors) + 1) * COVERAGE)
        return errors.kthvalue(rank).values if rank <= len(errors) else torch.tensor(torch.inf, device=errors.device)


def regression_metrics() -> dict[str, Metric]:
    """Root mean squared error, mean absolute error and the reach of 90% in the values' units; and R², 1 at best."""
    return {
        "rmse": MeanSquaredError(squared=False),
        "mae": MeanAbsoluteError(),
        "error_90": ErrorReach(),
        "r2": ExplainedShare(),
    }
