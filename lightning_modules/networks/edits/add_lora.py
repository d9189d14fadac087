"""LoRA on linear layers alone: what checkpoints of earlier versions mean by this name."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from lightning_modules.networks.edits.add_adapters import add_adapters, matching_layers


def add_lora(network: nn.Module, targets: Sequence[str], rank: int, alpha: float, dropout: float = 0.0) -> None:
    """Add LoRA adapters to the linear layers that match a pattern, and to no convolution.

    Raises:
        ValueError: as ``add_adapters``.
    """
    names = matching_layers(network, targets, lambda layer: type(layer) is nn.Linear)
    add_adapters(network, "lora", names, rank, alpha, dropout)
