"""Small trainable adapters beside the layers of a network that stays as it is, through peft."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, get_args

from torch import nn

if TYPE_CHECKING:
    from peft import PeftConfig

Method = Literal["lora", "adalora", "ia3"]


def add_adapters(
    network: nn.Module,
    method: Method,
    targets: Sequence[str],
    rank: int = 8,
    alpha: float = 16.0,
    dropout: float = 0.0,
    feedforward: Sequence[str] = (),
) -> None:
    """Give layers an adapter each, which changes nothing until it is trained.

    A layer becomes its adapter's ``base_layer``; what requires gradients stays as it is. With W a layer's weight (of a
    convolution: as a matrix), the layer computes

    - ``lora`` (Hu et al. 2021): W + alpha/rank · B A, with B zero at first;
    - ``adalora`` (Zhang et al. 2023): W + alpha/rank · B diag(E) A, with E zero at first;
    - ``ia3`` (Liu et al. 2022): its outputs, or where it is in ``feedforward`` its inputs, times a vector of ones at
      first.

    Args:
        targets: patterns of module names (fnmatch). Linear layers and convolutions that match one get an adapter;
            low-rank ones do not fit convolutions in groups.
        rank: of the low-rank adapters, at most the smaller side of each weight.
        alpha: their outputs are scaled by alpha/rank.
        dropout: on their inputs, in [0, 1).
        feedforward: patterns of those layers whose inputs ``ia3`` scales.

    Raises:
        ValueError: an argument outside its range, adapters that are there already, or no layer that matches.
    """
    if method not in get_args(Method):
        raise ValueError(f"method={method!r} is none of {', '.join(get_args(Method))}")
    names = matching_layers(network, targets, _is_adaptable if method == "ia3" else _is_dense)
    if method == "ia3":
        _inject(network, _ia3(names, feedforward))
    else:
        _check_low_rank(network, names, rank, alpha, dropout)
        _inject(network, (_lora if method == "lora" else _adalora)(names, rank, alpha, dropout))


def matching_layers(network: nn.Module, targets: Sequence[str], fits: Callable[[nn.Module], bool]) -> list[str]:
    """The names of the layers that match a pattern.

    Args:
        targets: patterns of module names (fnmatch).
        fits: whether a layer can have an adapter.

    Raises:
        ValueError: adapters that are there already, patterns that are no list, or no layer that matches.
    """
    if adapted_layers(network):
        raise ValueError("the network has adapters already: add all of them at once")
    if isinstance(targets, str) or not all(isinstance(pattern, str) for pattern in targets):
        raise ValueError(f"targets={targets!r} must be a list of names such as ['*.query', '*.value']")
    fitting = [name for name, module in network.named_modules() if fits(module)]
    matching = [name for name in fitting if _matches(name, targets)]
    if not matching:
        shown = ", ".join(fitting[:8]) or "none"
        raise ValueError(f"targets={list(targets)} match no layer of the network that takes one; it has: {shown}")
    return matching


def merge_adapters(network: nn.Module) -> None:
    """Fold all adapters into the weights of their layers, which take their place again: same outputs, plain layers."""
    for name, layer in adapted_layers(network):
        layer.merge(safe_merge=True)
        network.set_submodule(name, layer.get_base_layer())


def adapted_layers(network: nn.Module) -> list[tuple[str, Any]]:
    """(name, layer) of every layer with an adapter."""
    return [
        (name, module)
        for name, module in network.named_modules()
        if hasattr(module, "lora_A") or hasattr(module, "ia3_l")
    ]


def is_adapter(parameter: str) -> bool:
    """Return whether a parameter's name is that of an adapter's own weight."""
    return ".lora_" in parameter or ".ia3_l" in parameter


def _is_dense(layer: nn.Module) -> bool:
    return type(layer) is nn.Linear or (type(layer) is nn.Conv2d and layer.groups == 1)


def _is_adaptable(layer: nn.Module) -> bool:
    return type(layer) in (nn.Linear, nn.Conv2d)


def _check_low_rank(network: nn.Module, names: Sequence[str], rank: int, alpha: float, dropout: float) -> None:
    if not (isinstance(alpha, int | float) and 0 < alpha < math.inf):
        raise ValueError(f"alpha={alpha} must be a number above 0")
    if not (isinstance(dropout, int | float) and 0 <= dropout < 1):
        raise ValueError(f"dropout={dropout} must lie in [0, 1)")
    weights = [network.get_parameter(f"{name}.weight") for name in names]
    widest = min(min(weight.flatten(1).shape) for weight in weights)
    if not (type(rank) is int and 1 <= rank <= widest):
        raise ValueError(f"rank={rank} must lie in 1…{widest}, the smallest side of the layers that get an adapter")


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _lora(names: Sequence[str], rank: int, alpha: float, dropout: float) -> PeftConfig:
    from peft import LoraConfig  # takes a second, which no other network should pay

    # peft declares alpha an int, and divides it by the rank.
    return LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=_exactly(names))  # type: ignore[arg-type]


def _adalora(names: Sequence[str], rank: int, alpha: float, dropout: float) -> PeftConfig:
    from peft import AdaLoraConfig

    # Of the schedule, which callbacks/apply_adapters.py has, peft only asks that it end.
    return AdaLoraConfig(
        init_r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        lora_dropout=dropout,
        target_modules=_exactly(names),
        total_step=1,
    )


def _ia3(names: Sequence[str], feedforward: Sequence[str]) -> PeftConfig:
    from peft import IA3Config

    if isinstance(feedforward, str) or not all(isinstance(pattern, str) for pattern in feedforward):
        raise ValueError(f"feedforward={feedforward!r} must be a list of names such as ['*.output.dense']")
    inner = [name for name in names if _matches(name, feedforward)]
    if feedforward and not inner:
        raise ValueError(f"feedforward={list(feedforward)} match none of the layers that get an adapter: {names[:8]}")
    return IA3Config(target_modules=_exactly(names), feedforward_modules=_exactly(inner))


def _exactly(names: Sequence[str]) -> str:
    """The regular expression of these names, which peft matches whole; of none, one that nothing matches."""
    return "|".join(map(re.escape, names)) or "(?!)"


def _inject(network: nn.Module, config: PeftConfig) -> None:
    from peft import inject_adapter_in_model

    trained = {parameter: parameter.requires_grad for parameter in network.parameters()}
    inject_adapter_in_model(config, network)
    for parameter, trains in trained.items():  # peft freezes the rest
        parameter.requires_grad = trains
