"""The items of several splits as one sequence, each still known by the split that it was found in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from datamodules.sources.source import Examples


class JoinedItems(Sequence[Any]):
    """Items of splits one after the other, or those at ``rows`` if given; nothing is copied.

    Args:
        parts: the items of each split by its name.
        rows: int64 (n,), places in all of them together.
    """

    def __init__(self, parts: Mapping[str, Any], rows: np.ndarray | None = None) -> None:
        self.parts = dict(parts)
        self._ends = np.cumsum([len(items) for items in self.parts.values()])
        self.rows = np.arange(self._ends[-1]) if rows is None else rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        split, place = self.place_of(index)
        return self.parts[split][place]

    def __iter__(self) -> Iterator[Any]:
        """Read the parts in order, where the items are, rather than one item at a time."""
        if np.array_equal(self.rows, np.arange(self._ends[-1])):
            return (item for items in self.parts.values() for item in items)
        return (self[index] for index in range(len(self)))

    def take(self, positions: np.ndarray) -> JoinedItems:
        """The items at int64 ``positions`` (n,), in that order."""
        return JoinedItems(self.parts, self.rows[positions])

    def place_of(self, index: int) -> tuple[str, int]:
        """The split that an item was found in, and its place there."""
        row = int(self.rows[index])
        part = int(np.searchsorted(self._ends, row, side="right"))
        split = list(self.parts)[part]
        return split, row - int(self._ends[part] - len(self.parts[split]))


def join_examples(splits: Mapping[str, Examples]) -> Examples:
    """The examples of splits as one; of a single split that one."""
    if len(splits) == 1:
        return next(iter(splits.values()))
    items = {split: examples.items for split, examples in splits.items()}
    arrays = [given for given in items.values() if isinstance(given, np.ndarray)]
    labels = np.concatenate([examples.labels for examples in splits.values()])
    known = [examples.groups for examples in splits.values() if examples.groups is not None]
    groups = np.concatenate(known) if len(known) == len(splits) else None
    return Examples(np.concatenate(arrays) if len(arrays) == len(items) else JoinedItems(items), labels, groups)
