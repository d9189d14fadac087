"""Rows of items that come in other batches each time, computed once and the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Run = Callable[[Tensor], Tensor]


class ShuffledRows:
    """The outputs of a backbone for the items of a split, in one tensor (items, …), whatever batches they come in.

    A row can depend on the size of its batch and its place there, as other kernels add in another order. Rows are kept
    of the largest size, and served for a size once that size, in other places, has given the same bits.
    """

    def __init__(self, items: int, run: Run) -> None:
        self.items = items
        self.run = run
        self._size = 0  # the largest
        self._same: dict[int, bool] = {}
        self._complete = False

    def of(self, index: Tensor, inputs: Tensor) -> Tensor:
        """The rows (B, …) of a batch, from its positions int64 (B,) and the backbone's inputs (B, …)."""
        known = self._complete or (self._size > 0 and bool(self._known[index].all()))
        if known and self._gives_same(len(index)):
            return self._rows[index].permute(self._axes)
        rows = checked_rows(self.run(inputs), inputs)
        if len(index) > self._size:
            self._begin(inputs, rows)
        if len(index) == self._size or self._gives_same(len(index)):
            self._rows[index] = rows.permute(self._layout)
            self._known[index] = True
            self._complete = bool(self._known.all())
        return rows

    def _begin(self, inputs: Tensor, rows: Tensor) -> None:
        # The order of dimensions in memory, as what comes after may round differently in another.
        self._layout = [0, *sorted(range(1, rows.ndim), key=rows.stride, reverse=True)]
        self._axes = [self._layout.index(axis) for axis in range(rows.ndim)]
        self._rows = rows.new_empty(self.items, *rows.permute(self._layout).shape[1:])
        self._known = torch.zeros(self.items, dtype=torch.bool, device=rows.device)
        self._size, self._same, self._reversed = len(rows), {}, (inputs.flip(0), rows.flip(0))

    def _gives_same(self, size: int) -> bool:
        """Return whether this many items give the same in a batch of their own as in one of the largest size."""
        if size not in self._same:
            inputs, rows = self._reversed
            self._same[size] = size <= self._size and torch.equal(self.run(inputs[:size]), rows[:size])
            if self._same[size]:
                self._same[self._size] = True
        return self._same[size]


def checked_rows(rows: object, inputs: Tensor) -> Tensor:
    """Check a backbone's output for its inputs (B, …): one row for each.

    Raises:
        ValueError: it is no tensor (B, …).
    """
    if not isinstance(rows, Tensor) or not rows.ndim or len(rows) != len(inputs):
        raise ValueError(
            "CacheFrozenFeatures: backbone must give one tensor with a row an item; name a module that does"
        )
    return rows
