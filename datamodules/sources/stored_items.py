"""The items of a table, one after the other in a file on disk: one is read when it is asked for."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datamodules.batches.encoded_cache import cached, sha256, uncached

ITEMS, ENDS, PATHS, LABELS, WORDS = "items.bin", "ends.npy", "paths.npy", "labels.npy", "words.json"
STORED_FORMAT = 1  # changes when the same files would be stored otherwise
BUFFER_BYTES = 1_000_000


class StoredItems(Sequence[Any]):
    """Texts, or images as encoded bytes or paths, those at ``positions`` if given; one without content is None.

    Nothing is mapped into memory, so that what was read is not resident. The file is opened for a single item, or once
    to go through them all: threads can share the object, and it can be forked and pickled.

    Args:
        folder: where ``keep_rows`` wrote them.
        kind: "text" or "image".
        root: what stored paths are relative to.
        positions: int64 (n,).
    """

    def __init__(self, folder: Path, kind: str, root: Path, positions: np.ndarray | None = None) -> None:
        self.folder, self.kind, self.root = folder, kind, root
        self._ends = np.load(folder / ENDS)
        self._is_path = np.load(folder / PATHS)
        self.positions = np.arange(len(self._ends)) if positions is None else positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return next(self._read(self.positions[index : index + 1 or None]))

    def __iter__(self) -> Iterator[Any]:
        return self._read(self.positions)

    def take(self, positions: np.ndarray) -> StoredItems:
        """The items at int64 ``positions`` (n,), in that order."""
        chosen = object.__new__(StoredItems)
        chosen.__dict__.update(self.__dict__, positions=self.positions[positions])
        return chosen

    @property
    def present(self) -> np.ndarray:
        """Return whether each has content, bool (n,)."""
        return np.diff(self._ends, prepend=0)[self.positions] > 0

    def _read(self, positions: np.ndarray) -> Iterator[Any]:
        with (self.folder / ITEMS).open("rb", buffering=BUFFER_BYTES if len(positions) > 1 else -1) as file:
            for position in positions.tolist():
                start = int(self._ends[position - 1]) if position else 0
                if file.tell() != start:
                    file.seek(start)
                yield self._item(file.read(int(self._ends[position]) - start), position)

    def _item(self, content: bytes, position: int) -> Any:
        if not content:
            return None
        if self.kind != "text" and not self._is_path[position]:
            return content
        text = content.decode(errors="surrogatepass")
        return self.root / text if self.kind == "image" else text


class StoredLabels(NamedTuple):
    """The distinct labels of a table, and which of them each row has: int32 (n,), -1 where there is none."""

    values: list[str]
    codes: np.ndarray

    def text(self, row: int) -> str | None:
        """The label of a row; None where there is none."""
        code = int(self.codes[row])
        return None if code < 0 else self.values[code]

    def of(self, chosen: np.ndarray) -> set[str]:
        """The labels of the rows where ``chosen``, bool (n,), is true."""
        return {self.values[code] for code in np.unique(self.codes[chosen]).tolist() if code >= 0}


class Stored(NamedTuple):
    """The rows kept from the tables of a split, and notes on how they were read."""

    items: StoredItems
    labels: StoredLabels
    notes: list[str]


Rows = Iterable[tuple[str | bytes | None, str | None]]


def keep_rows(
    rows: Rows, notes: Iterable[str], files: Sequence[Path], settings: object, kind: str, root: Path, cache: bool
) -> Stored:
    """The (item, label) pairs of files, written down once for their content and these settings.

    An item that is bytes is an image; a string is a text, or the path of an image. A text of nothing but blanks is kept
    as none.

    Args:
        notes: read after the rows.
        files: what the rows come from.
        settings: all else that they depend on.
        kind: "text" or "image".
        root: what paths are relative to.
        cache: whether to keep them for the next run.
    """
    if cache:
        digest = hashlib.sha256(repr((STORED_FORMAT, [*map(sha256, files)], settings)).encode())
        folder = cached(digest.hexdigest(), lambda folder: _store_rows(folder, rows, notes))
    else:
        folder = uncached(lambda folder: _store_rows(folder, rows, notes))
    words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
    labels = StoredLabels(words["labels"], np.load(folder / LABELS))
    return Stored(StoredItems(folder, kind, root), labels, words["notes"])


def _store_rows(folder: Path, rows: Rows, notes: Iterable[str]) -> None:
    ends, paths, codes = array("q"), array("b"), array("i")
    values: dict[str, int] = {}
    size = 0
    with (folder / ITEMS).open("wb", buffering=BUFFER_BYTES) as file:
        for item, label in rows:
            content = item.encode(errors="surrogatepass") if isinstance(item, str) and item.strip() else item
            size += file.write(content) if isinstance(content, bytes) else 0
            ends.append(size)
            paths.append(isinstance(item, str))
            codes.append(-1 if label is None else values.setdefault(label, len(values)))
    for name, column in ((ENDS, ends), (PATHS, paths), (LABELS, codes)):
        np.save(folder / name, np.array(column))
    words = {"labels": list(values), "notes": list(notes)}
    (folder / WORDS).write_text(json.dumps(words), encoding="utf-8")
