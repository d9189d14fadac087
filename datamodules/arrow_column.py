"""A column of a memory-mapped table as a sequence: an item is read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

ITEMS_AT_ONCE = 1000


class ArrowColumn(Sequence[Any]):
    """Values of a column, those at ``positions`` if given.

    Args:
        column: of any type; nothing of it is held in memory.
        convert: from the stored value to the item.
        positions: int64 (n,).
    """

    def __init__(
        self, column: pa.ChunkedArray, convert: Callable[[Any], Any], positions: np.ndarray | None = None
    ) -> None:
        self.column = column
        self.convert = convert
        self.positions = np.arange(len(column)) if positions is None else positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self.convert(self.column[int(self.positions[index])].as_py())

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), ITEMS_AT_ONCE):
            yield from map(self.convert, self.column.take(self.positions[start : start + ITEMS_AT_ONCE]).to_pylist())

    def take(self, positions: np.ndarray) -> ArrowColumn:
        """The items at int64 ``positions`` (n,), in that order."""
        return ArrowColumn(self.column, self.convert, self.positions[positions])
