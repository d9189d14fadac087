"""Share between networks on a BERT-family encoder: its preparation, their heads' first weights, how they are built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn
from transformers import PreTrainedModel

from lightning_modules.networks.encoders import max_tokens, plain_config
from lightning_modules.networks.layers.dropout import use_fast_dropout

HEAD_STD = 0.02
Network = TypeVar("Network", bound="OnEncoder")


class OnEncoder(nn.Module):
    """A network on top of a BERT-family encoder, its submodule ``encoder``."""

    encoder: PreTrainedModel

    @property
    def config(self) -> dict[str, Any]:
        """The encoder's architecture as plain values, from which it can be built again."""
        return plain_config(self.encoder)

    @property
    def max_tokens(self) -> int | None:
        """The widest batch that there are positions for, in tokens; None for an encoder without a table of them."""
        return max_tokens(self.encoder)


def prepare(encoder: PreTrainedModel) -> PreTrainedModel:
    """Take away an encoder's pooler, whose unused weights would stall distributed training; use the fast dropout."""
    if isinstance(getattr(encoder, "pooler", None), nn.Module):
        encoder.register_module("pooler", None)
    use_fast_dropout(encoder)
    return encoder


def build_from(
    weights: str | None,
    config: dict[str, object] | None,
    pretrained: Callable[..., Network],
    untrained: Callable[..., Network],
    **options: object,
) -> Network:
    """Build a network for training: from an encoder's config if there is one, or else from pretrained weights.

    Args:
        pretrained: builds it from weights and ``options``.
        untrained: builds it from a config and ``options``.

    Raises:
        ValueError: neither is given, or one is wrong.
    """
    if config is None and weights is None:
        raise ValueError("model.pretrained is unset: name a checkpoint, such as minilm or bert-base-uncased")
    network = pretrained(str(weights), **options) if config is None else untrained(config, **options)
    return network.train()  # transformers hands out its encoders in evaluation mode


def initialize(layer: nn.Linear) -> None:
    """Initialise a new layer of a head as BERT does (Devlin et al. 2019)."""
    nn.init.normal_(layer.weight, std=HEAD_STD)
    nn.init.zeros_(layer.bias)
