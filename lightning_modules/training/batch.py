"""The batch that a training step takes."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Batch(Protocol):
    """A batch as a step needs it: the network's inputs, label and index.

    ``label`` is int64 (B,) for classes or float32 (B,) for values; a batch of a task that learns from neither may lack
    it. ``index`` is int64 (B,), position in the split.
    """

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...
    @property
    def label(self) -> Tensor: ...
    @property
    def index(self) -> Tensor: ...
