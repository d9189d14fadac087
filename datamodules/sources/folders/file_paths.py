"""Paths of files as a sequence, small enough for millions of them, with the digests of what is in the files."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from datamodules.sources.source import check_regular

WHOLE_BYTES = 20_000_000  # of a larger file, not all is held in memory at once
# Some file systems note the time of a change no finer than this: a file so young may change again without a trace.
FINEST_NS = 2_000_000_000
BITS_64 = 2**64 - 1
EMPTY_DIGEST = hashlib.sha256().digest()


class Files:
    """The files that paths lead to: their states and digests, found out once whatever is made of the paths."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.known = np.zeros(len(paths), dtype=bool)  # whose digest
        self.digests = np.zeros((len(paths), len(EMPTY_DIGEST)), dtype=np.uint8)

    @cached_property
    def states(self) -> np.ndarray:
        """Device, inode, size and times of change by path, uint64 (N, 5); made up where there is no file."""
        states = np.empty((len(self.paths), 5), dtype=np.uint64)
        for place, path in enumerate(self.paths):
            states[place] = _state(path, place)
        return states

    @cached_property
    def first(self) -> np.ndarray:
        """The place of the first path that leads to the same file as each path, int64 (N,)."""
        device, inode = self.states[:, 0], self.states[:, 1]
        order = np.lexsort((inode, device))  # stable: of one file, the first path comes first
        same = (device[order][1:] == device[order][:-1]) & (inode[order][1:] == inode[order][:-1])
        starts = np.flatnonzero(np.concatenate([[True], ~same])[: len(order)])
        first = np.empty(len(order), dtype=np.int64)
        first[order] = np.repeat(order[starts], np.diff(starts, append=len(order)))
        return first


class FilePaths(Sequence[Path]):
    """Paths of files; kept as text, which takes a quarter of the memory.

    Args:
        files: what the paths lead to, shared by all that ``take`` makes of them.
        positions: int64 (n,), which of them these are; all when unset.
    """

    def __init__(self, files: Files, positions: np.ndarray | None = None) -> None:
        self.files = files
        self.positions = np.arange(len(files.paths)) if positions is None else positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Path(self.files.paths[self.positions[index]])

    def __iter__(self) -> Iterator[Path]:
        return (Path(self.files.paths[position]) for position in self.positions.tolist())

    def take(self, positions: np.ndarray) -> FilePaths:
        """The paths at int64 ``positions`` (n,), in that order."""
        return FilePaths(self.files, self.positions[positions])

    def distinct(self) -> tuple[FilePaths, np.ndarray]:
        """One path for each file, in their order, and for each path which of those leads to its file, int64 (n,)."""
        _, first, numbers = np.unique(self.files.first[self.positions], return_index=True, return_inverse=True)
        order = np.argsort(first)
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        return self.take(first[order]), places[numbers.reshape(-1)]

    def digests(self) -> np.ndarray:
        """sha256 of what is in each file, uint8 (n, 32): read once, and of links to one file only one."""
        first = self.files.first[self.positions]
        unknown = np.unique(first[~self.files.known[first]]).tolist()
        for place in tqdm(unknown, "Reading", unit=" files", leave=False, delay=1, disable=None):
            self._note(place, file_digest(Path(self.files.paths[place])))
        return self.files.digests[first]

    def note(self, digests: np.ndarray) -> None:
        """Take over what is known of the files: their digests, uint8 (n, 32)."""
        first = self.files.first[self.positions]
        self.files.digests[first], self.files.known[first] = digests, True

    def read(self, position: int) -> Path | bytes:
        """The content of a file, whose digest is noted on the way; of a large one its path.

        Raises:
            OSError, ValueError: there is no such file, or it is not one.
        """
        path = self[position]
        check_regular(path)
        if path.stat().st_size > WHOLE_BYTES:
            return path
        content = path.read_bytes()
        self._note(self.files.first[self.positions[position]], hashlib.sha256(content).digest())
        return content

    def states(self) -> list[bytes]:
        """Compute a key that changes with any file, as the file system says; one just written gives no key twice."""
        states = self.files.states[self.positions]
        young = len(states) > 0 and int(states[:, 3:].max()) + FINEST_NS > time.time_ns()
        return [states.tobytes(), str(time.time_ns()).encode() if young else b""]

    def _note(self, place: int, digest: bytes) -> None:
        self.files.digests[place] = np.frombuffer(digest, dtype=np.uint8)
        self.files.known[place] = True


def file_digest(path: Path) -> bytes:
    """sha256 of what is in a file; what cannot be read, which its decoder will say, counts as empty."""
    try:
        check_regular(path)
        content = path.read_bytes() if path.stat().st_size < WHOLE_BYTES else None
        if content is not None:  # file_digest makes a buffer of a quarter of a megabyte for each
            return hashlib.sha256(content).digest()
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, ValueError):
        return EMPTY_DIGEST


def _state(path: str, place: int) -> tuple[int, ...]:
    try:
        found = os.stat(path)  # noqa: PTH116  # to make a Path for each of millions takes as long as this
    except OSError:
        return BITS_64, place, 0, 0, 0
    states = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return tuple([number & BITS_64 for number in states])
