"""Rounding to what int8 kernels compute with, that training goes through: gradients pass as if nothing was rounded."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torchao.quantization.pt2e import FusedMovingAvgObsFakeQuantize, MovingAverageMinMaxObserver

LARGEST_WEIGHT, LARGEST_ACTIVATION = 127, 255  # int8 without -128, as it is symmetric; uint8
SMALLEST_SCALE = float(torch.finfo(torch.float32).eps)
SMALLEST_ROW = 1e-30  # the largest magnitude of a row, which may be all zeros
AVERAGING = 0.01  # share of a batch in the moving average of a range


class InputRange(FusedMovingAvgObsFakeQuantize):  # type: ignore[misc]  # torchao's classes carry no types
    """Rounds to uint8 within a moving average of the range seen in training; in evaluation the range stays."""

    def __init__(self) -> None:
        super().__init__(
            MovingAverageMinMaxObserver,
            quant_min=0,
            quant_max=LARGEST_ACTIVATION,
            dtype=torch.uint8,
            averaging_constant=AVERAGING,
        )

    def forward(self, inputs: Tensor) -> Tensor:
        inputs = inputs.float()
        if self.training:
            return cast(Tensor, super().forward(inputs))
        return torch.fake_quantize_per_tensor_affine(inputs, self.scale, self.zero_point, 0, LARGEST_ACTIVATION)


class RowRange(nn.Module):
    """Rounds each row (the last axis) to int8 within its own range: no row has a part in what another becomes."""

    def forward(self, inputs: Tensor) -> Tensor:
        rows = inputs.float().flatten(0, -2)
        steps = rows.detach().abs().amax(1).clamp(min=SMALLEST_ROW) / LARGEST_WEIGHT
        return _rounded_by(steps, rows).view(inputs.shape)


def rounded(weight: Tensor) -> Tensor:
    """Round a weight to int8 symmetrically per channel, which is axis 0: zeros stay zeros."""
    steps = (weight.detach().abs().flatten(1).amax(1) / LARGEST_WEIGHT).clamp(min=SMALLEST_SCALE)
    return _rounded_by(steps, weight)


def _rounded_by(steps: Tensor, values: Tensor) -> Tensor:
    """Values (N, …) rounded to int8 with a step of its own for each of the N."""
    zeros = torch.zeros_like(steps, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(values, steps, zeros, 0, -LARGEST_WEIGHT, LARGEST_WEIGHT)


def rounded_rows_of(table: Tensor, vectors: Tensor) -> Tensor:
    """Vectors out of a table that is rounded to uint8 as a whole, within its range and 0."""
    low, high = table.detach().float().aminmax()
    low, high = low.clamp(max=0), high.clamp(min=0)
    step = ((high - low) / LARGEST_ACTIVATION).clamp(min=SMALLEST_SCALE)
    zero = (-low / step).round().to(torch.int32)
    return torch.fake_quantize_per_tensor_affine(vectors.float(), step, zero, 0, LARGEST_ACTIVATION)


def rounded_between(values: Tensor, largest: Tensor | float) -> Tensor:
    """Round values to uint8 within -largest…largest."""
    values = values.float()
    step = (2 * torch.as_tensor(largest, device=values.device) / LARGEST_ACTIVATION).clamp(min=SMALLEST_SCALE)
    zero = torch.full_like(step, (LARGEST_ACTIVATION + 1) // 2, dtype=torch.int32)
    return torch.fake_quantize_per_tensor_affine(values, step, zero, 0, LARGEST_ACTIVATION)
