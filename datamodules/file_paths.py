"""Paths of files as a sequence, small enough for millions of them, with the digests of what is in the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np


class FilePaths(Sequence[Path]):
    """Paths of files; kept as text, which takes a quarter of the memory.

    Args:
        names: the paths, shared by all that ``take`` makes of them.
        positions: int64 (n,), which of them these are.
    """

    def __init__(self, names: list[str], positions: np.ndarray | None = None) -> None:
        self.names = names
        self.positions = np.arange(len(names)) if positions is None else positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Path(self.names[self.positions[index]])

    def __iter__(self) -> Iterator[Path]:
        return (Path(self.names[position]) for position in self.positions.tolist())

    def take(self, positions: np.ndarray) -> FilePaths:
        """The paths at int64 ``positions`` (n,), in that order."""
        return FilePaths(self.names, self.positions[positions])
