"""Changes of a network's structure, by name, so that a checkpoint can record them and repeat them anywhere.

A kind of change is a function of the file in this folder that carries its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from torch import nn

# add_lora is the name of earlier versions, in whose checkpoints it stands.
KINDS: tuple[str, ...] = ("add_adapters", "add_lora", "fake_quantize", "remove_channels")


def operate(network: nn.Module, kind: str, options: Mapping[str, object]) -> None:
    """Change a network in place.

    Args:
        kind: one of ``KINDS``.
        options: plain values, which together with the kind say all that there is to say about the change.

    Raises:
        ValueError: an unknown kind, or options that do not fit the network.
    """
    if kind not in KINDS:
        raise ValueError(f"no change of a network is called {kind!r}: there are {', '.join(KINDS)}")
    module = importlib.import_module(f"{__package__}.{kind}")  # some need a library that no other run should load
    getattr(module, kind)(network, **options)
