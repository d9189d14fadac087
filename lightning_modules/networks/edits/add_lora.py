"""Low-rank adapters beside linear layers (Hu et al. 2021), through peft."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn


def add_lora(network: nn.Module, targets: Sequence[str], rank: int, alpha: float, dropout: float = 0.0) -> None:
    """Give linear layers an adapter each: y = Wx + b + alpha/rank · B A dropout(x), with B zero at first.

    The layer itself becomes the adapter's ``base_layer``; what requires gradients stays as it is.

    Args:
        targets: patterns of module names (fnmatch); an ``nn.Linear`` that matches one gets an adapter.
        rank: width of the adapters, at most the smaller side of each layer.
        alpha: the adapters' output is scaled by alpha/rank.
        dropout: on the adapters' input, in [0, 1).

    Raises:
        ValueError: an argument outside its range, adapters that are there already, or no layer that matches.
    """
    import peft  # takes a second, which no other network should pay

    _check_scale(alpha, dropout)
    names = _matching(network, targets)
    widest = min(min(_linear(network, name).weight.shape) for name in names)
    if not (isinstance(rank, int) and 1 <= rank <= widest):
        raise ValueError(f"rank={rank} must lie in 1…{widest}, the smallest side of the layers that get an adapter")
    exactly = "|".join(map(re.escape, names))
    # peft declares alpha an int, and divides it by the rank.
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=exactly)  # type: ignore[arg-type]
    trained = {parameter: parameter.requires_grad for parameter in network.parameters()}
    peft.inject_adapter_in_model(config, network)
    for parameter, trains in trained.items():  # peft freezes the rest
        parameter.requires_grad = trains


def merge_lora(network: nn.Module) -> None:
    """Fold all adapters into the weights of their layers, which take their place again: same logits, plain layers."""
    for name, layer in adapted_layers(network):
        layer.merge(safe_merge=True)
        network.set_submodule(name, layer.get_base_layer())


def adapted_layers(network: nn.Module) -> list[tuple[str, Any]]:
    """(name, layer) of every layer with an adapter."""
    return [(name, module) for name, module in network.named_modules() if hasattr(module, "lora_A")]


def _matching(network: nn.Module, targets: Sequence[str]) -> list[str]:
    if adapted_layers(network):
        raise ValueError("the network has LoRA adapters already: add all of them at once")
    if isinstance(targets, str) or not all(isinstance(pattern, str) for pattern in targets):
        raise ValueError(f"targets={targets!r} must be a list of names such as ['*.query', '*.value']")
    linear = [name for name, module in network.named_modules() if type(module) is nn.Linear]
    matching = [name for name in linear if any(fnmatchcase(name, pattern) for pattern in targets)]
    if not matching:
        shown = ", ".join(linear[:8]) or "none"
        raise ValueError(f"targets={list(targets)} match no linear layer of the network; it has: {shown}")
    return matching


def _check_scale(alpha: float, dropout: float) -> None:
    if not (isinstance(alpha, int | float) and 0 < alpha < math.inf):
        raise ValueError(f"alpha={alpha} must be a number above 0")
    if not (isinstance(dropout, int | float) and 0 <= dropout < 1):
        raise ValueError(f"dropout={dropout} must lie in [0, 1)")


def _linear(network: nn.Module, name: str) -> nn.Linear:
    layer = network.get_submodule(name)
    assert isinstance(layer, nn.Linear)
    return layer
