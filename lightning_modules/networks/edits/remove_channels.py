"""Channels taken out of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Kept = Mapping[str, Mapping[str, Sequence[int]]]
# The attributes that say how many channels come out, along a weight's first dimension, and go in, along the second.
WIDTHS: dict[type[nn.Module], dict[str, str]] = {
    nn.Conv2d: {"out": "out_channels", "in": "in_channels"},
    nn.Linear: {"out": "out_features", "in": "in_features"},
    nn.BatchNorm1d: {"out": "num_features"},
    nn.BatchNorm2d: {"out": "num_features"},
}


def remove_channels(network: nn.Module, kept: Kept) -> None:
    """Keep only some channels of some layers; parameters become new ones, in the memory format of the old.

    Args:
        kept: by name of a layer and side, ``out`` or ``in``, the rising indices of the channels that stay.

    Raises:
        ValueError: no such layer, or one without these channels.
    """
    for name, sides in kept.items():
        layer = dict(network.named_modules()).get(name)
        if layer is None or type(layer) not in WIDTHS or getattr(layer, "groups", 1) != 1:
            raise ValueError(f"channels of {name!r} cannot be removed: it is {type(layer).__name__}")
        for side, indices in sides.items():
            _check(name, layer, side, indices)
            setattr(layer, WIDTHS[type(layer)][side], len(indices))
        for key, parameter in list(layer.named_parameters(recurse=False)):
            setattr(layer, key, nn.Parameter(narrowed(parameter.detach(), sides), parameter.requires_grad))
        for key, buffer in list(layer.named_buffers(recurse=False)):
            setattr(layer, key, narrowed(buffer, sides))


def narrowed(tensor: Tensor, sides: Mapping[str, Sequence[int]]) -> Tensor:
    """Keep the chosen channels of a layer's parameter or buffer, or of an optimizer's moment of one."""
    channels_last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    for dim, side in enumerate(("out", "in")):
        if side in sides and tensor.ndim > dim:
            tensor = tensor.index_select(dim, torch.tensor(sides[side], device=tensor.device))
    return tensor.contiguous(memory_format=torch.channels_last) if channels_last else tensor


def _check(name: str, layer: nn.Module, side: str, indices: Any) -> None:
    width = getattr(layer, WIDTHS[type(layer)].get(side, ""), 0)
    whole = isinstance(indices, list) and all(type(index) is int for index in indices)
    if not whole or sorted({index for index in indices if 0 <= index < width}) != indices or not indices:
        raise ValueError(f"of the {width} channels {side} of {name!r} these cannot be kept: {str(indices)[:60]}")
