"""What a training step takes."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Batch(Protocol):
    """What a step needs of a batch: the network's inputs, and label and index, both int64 (B,)."""

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...
    @property
    def label(self) -> Tensor: ...
    @property
    def index(self) -> Tensor: ...
