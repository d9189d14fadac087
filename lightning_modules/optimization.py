"""Optimizers and learning-rate schedules by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LambdaLR

from lightning_modules.muon import Muon

OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop", "muon"]
ScheduleName = Literal["constant", "linear", "cosine", "one-cycle"]
FUSED_DEVICES = ("cpu", "cuda")


def build_optimizer(
    name: OptimizerName,
    parameters: Iterable[nn.Parameter],
    lr: float,
    momentum: float,
    weight_decay: float,
    fused_on: str | None,
    dtype: torch.dtype = torch.float32,
) -> Optimizer:
    """An optimizer over the parameters that require gradients, without weight decay on norms and biases.

    Args:
        momentum: of SGD (Nesterov), Muon's part for what is no convolution, and RMSprop, in [0, 1).
        fused_on: device type whose fused kernels may be used, if torch has them; none when unset.
        dtype: of Muon's matrix products.
    """
    trainable = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if name == "muon":
        return Muon(groups, lr, momentum, dtype=dtype)
    if name == "rmsprop":
        return RMSprop(groups, lr, momentum=momentum)
    fused = fused_on in FUSED_DEVICES
    if name == "sgd":
        return SGD(groups, lr, momentum=momentum, nesterov=momentum > 0, fused=fused)
    return {"adam": Adam, "adamw": AdamW}[name](groups, lr, fused=fused)


def build_schedule(name: ScheduleName, optimizer: Optimizer, total_steps: int, warmup_steps: int) -> dict[str, Any]:
    """The schedule in the form that ``configure_optimizers`` returns, stepping once per optimizer step."""
    factor = partial(SCHEDULES[name], total_steps=total_steps, warmup_steps=warmup_steps)
    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def constant(step: int, total_steps: int, warmup_steps: int) -> float:
    """A linear rise over the warm-up, then the full learning rate."""
    return min(1.0, (step + 1) / (warmup_steps + 1))


def linear(step: int, total_steps: int, warmup_steps: int) -> float:
    """A linear rise over the warm-up, then a linear fall to zero."""
    return min(constant(step, total_steps, warmup_steps), 1 - _progress(step, total_steps, warmup_steps))


def cosine(step: int, total_steps: int, warmup_steps: int) -> float:
    """A linear rise over the warm-up, then half a cosine to zero (Loshchilov & Hutter 2017)."""
    fall = (1 + math.cos(math.pi * _progress(step, total_steps, warmup_steps))) / 2
    return min(constant(step, total_steps, warmup_steps), fall)


def one_cycle(step: int, total_steps: int, warmup_steps: int) -> float:
    """A cosine rise from 1/25 over the warm-up and a cosine fall to zero (Smith & Topin 2018), at constant momentum."""
    if step >= warmup_steps:
        return cosine(step, total_steps, warmup_steps)
    return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * step / warmup_steps)) / 2


def _progress(step: int, total_steps: int, warmup_steps: int) -> float:
    """How far the fall has come, 0…1."""
    return min(1.0, max(0, step - warmup_steps) / max(1, total_steps - warmup_steps))


SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "one-cycle": one_cycle,
}
