"""Optimizers and learning-rate schedules by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from lightning.pytorch.utilities import GradClipAlgorithmType
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LambdaLR

from lightning_modules.training.muon import Muon

OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop", "muon"]
ScheduleName = Literal["constant", "linear", "cosine", "one-cycle"]
FUSED_DEVICES = ("cpu", "cuda")
NO_SCALES: Mapping[str, float] = MappingProxyType({})


def check_recipe(lr: float, weight_decay: float, **shares: float) -> None:
    """Refuse settings of a training that are out of their range.

    Args:
        shares: settings that lie in [0, 1), by name.

    Raises:
        ValueError: naming the setting.
    """
    check_shares(**shares)
    if lr <= 0 or weight_decay < 0:
        raise ValueError(f"model.lr={lr} must be above 0 and model.weight_decay={weight_decay} not below")


def check_shares(**shares: float) -> None:
    """Refuse settings that do not lie in [0, 1).

    Raises:
        ValueError: naming the first.
    """
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"model.{name}={share} must lie in [0, 1)")


def parameter_groups(
    named: Iterable[tuple[str, nn.Parameter]],
    lr: float,
    weight_decay: float,
    lr_scales: Mapping[str, float] = NO_SCALES,
) -> list[dict[str, Any]]:
    """The parameters that require gradients, grouped by learning rate, and norms and biases without weight decay.

    The groups follow from names, shapes and scales alone, the highest learning rate first.

    Args:
        lr_scales: factor of the learning rate by pattern of a parameter's name (fnmatch); the first that matches.
    """
    groups: dict[tuple[float, bool], dict[str, Any]] = {}
    for name, parameter in named:
        if parameter.requires_grad:
            scale = next((scale for pattern, scale in lr_scales.items() if fnmatchcase(name, pattern)), 1.0)
            decay = weight_decay if parameter.ndim > 1 else 0.0
            group = {"params": [], "lr": lr * scale, "weight_decay": decay}
            groups.setdefault((-scale, parameter.ndim <= 1), group)["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def build_optimizer(
    name: OptimizerName,
    groups: list[dict[str, Any]],
    lr: float,
    momentum: float,
    fused_on: str | None,
    dtype: torch.dtype = torch.float32,
) -> Optimizer:
    """An optimizer over parameter groups.

    Args:
        momentum: of SGD (Nesterov), Muon's part for what is no convolution, and RMSprop, in [0, 1).
        fused_on: device type whose fused kernels may be used, if torch has them; none when unset.
        dtype: of Muon's matrix products.

    Raises:
        ValueError: there is nothing to train.
    """
    if not groups:
        raise ValueError("every parameter of the model is frozen: nothing is left to train")
    if name == "muon":
        return Muon(groups, lr, momentum, dtype=dtype)
    if name == "rmsprop":
        return RMSprop(groups, lr, momentum=momentum)
    fused = fused_on in FUSED_DEVICES
    if name == "sgd":
        return SGD(groups, lr, momentum=momentum, nesterov=momentum > 0, fused=fused)
    return {"adam": Adam, "adamw": AdamW}[name](groups, lr, fused=fused)


def clip_gradients(module: LightningModule, optimizer: Optimizer, limit: float | None, algorithm: str | None) -> None:
    """Clip under fused optimizers too: Lightning refuses in any mixed precision, but only fp16's scaler objects."""
    plugin = module.trainer.precision_plugin
    if limit and isinstance(plugin, MixedPrecision) and plugin.scaler is None:
        Precision.clip_gradients(plugin, optimizer, limit, GradClipAlgorithmType(algorithm or "norm"))
    else:
        module.clip_gradients(optimizer, limit, algorithm)


def regroup(optimizer: Optimizer, groups: list[dict[str, Any]], schedule: LambdaLR) -> None:
    """Give an optimizer and its schedule other groups, as if they had been built with them.

    Parameters that stay keep their state, new ones begin without; the schedule goes on where it is.
    """
    kept = {parameter for group in groups for parameter in group["params"]}
    for parameter in [parameter for parameter in optimizer.state if parameter not in kept]:
        del optimizer.state[parameter]
    factor = schedule.lr_lambdas[0]
    optimizer.param_groups.clear()
    for group in groups:
        now = group["lr"] * factor(schedule.last_epoch)
        optimizer.add_param_group({**group, "lr": now, "initial_lr": group["lr"]})
    if isinstance(optimizer, SGD | RMSprop) and optimizer.defaults["momentum"] and optimizer.state:
        for parameter in kept if isinstance(optimizer, SGD) else optimizer.state:
            # Zeros act as none; SGD's fused kernel wants all or none, RMSprop that they are there.
            optimizer.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
    schedule.base_lrs = [group["lr"] for group in groups]
    schedule.lr_lambdas = [factor] * len(groups)


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
    """The share of the fall that is done, 0…1."""
    return min(1.0, max(0, step - warmup_steps) / max(1, total_steps - warmup_steps))


SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "one-cycle": one_cycle,
}
