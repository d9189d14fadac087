"""Sources of data: what one is, and the files that it is found in."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.sources.folders.folder_tree import read_folder

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
LARGEST_FILE_BYTES = 256_000_000
LIKE_HUB = re.compile(r"[\w-][\w.-]*/[\w.-]+")  # owner/name
SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Examples:
    """One split: items (a uint8 array (N, H, W, C), or a sequence of file paths, encoded bytes or texts) and labels.

    Labels are classes, int64 (N,), or values, float32 (N,).

    ``groups``, int64 (N,), has the same number for items that no cut may take apart, such as those of one patient; the
    numbers are those of all splits. None where nothing is known of groups.
    """

    items: Sequence[Any] | np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: np.ndarray) -> Examples:
        """The examples at int64 ``positions`` (n,), in that order."""
        groups = None if self.groups is None else self.groups[positions]
        return Examples(take(self.items, positions), self.labels[positions], groups)


@dataclass(frozen=True)
class Source:
    """Labelled data as found: ``splits`` maps train, val and test (those that exist) to examples.

    ``class_names`` is empty where labels are values.

    ``notes`` are sentences for the person, ``skipped`` pairs an item left out with the reason; ``empty`` are those of
    the skipped that are rows without an item, ``unusable`` those that count towards data.max_unreadable_share, being
    damaged or without a label. ``ignored`` pairs what is no item of this data, such as a file that has no part in it,
    with the reason. ``rows`` are for a split that was cut or chosen, int64 (n,): the places of its examples in the
    split of that name as it was found, or else in train.
    """

    origin: str
    class_names: list[str]
    splits: dict[str, Examples]
    notes: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    empty: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    unusable: list[tuple[str, str]] = field(default_factory=list)
    rows: dict[str, np.ndarray] = field(default_factory=dict)

    def written(self, label: float) -> str:
        """A label as a person would write it: the name of a class, or a value."""
        return self.class_names[int(label)] if self.class_names else f"{label:g}"


def existing_path(source: str) -> Path:
    """A ``data.source`` that is neither sample nor hub.

    Raises:
        ValueError: it does not exist, or is no file or folder with something to read in it.
    """
    path = Path(source)
    with suppress(RuntimeError):  # the home of somebody who has none
        path = path.expanduser()
    if not source or not path.exists():
        there = f", or hub:{source} for the data set of that name on the hub" if LIKE_HUB.fullmatch(source) else ""
        raise ValueError(f"data.source={source!r} does not exist; give sample, hub, or the path of your data{there}")
    if path.suffix.lower() in ARCHIVES and path.is_file():
        raise ValueError(f"data.source={source!r} is an archive: unpack it and give the folder")
    if not (path.is_file() or path.is_dir()):
        raise ValueError(f"data.source={source!r} is neither a file nor a folder")
    if path.is_dir() and not any(path.iterdir()):
        raise ValueError(f"data.source={source!r} is an empty folder")
    return path


def take(items: Any, positions: np.ndarray) -> Any:
    """The items at int64 ``positions`` (n,), in that order; those of a table stay where they are."""
    if isinstance(items, np.ndarray):
        return items[positions]
    return items.take(positions) if hasattr(items, "take") else [items[i] for i in positions]


def visible_files(folder: Path) -> list[Path]:
    """All files below a folder, sorted; nothing hidden, such as .DS_Store or .ipynb_checkpoints/cat.jpg."""
    return [path for path in visible_entries(folder) if path.is_file()]


def visible_entries(folder: Path) -> list[Path]:
    """All visible entries below a folder, also what only looks like a file: pipes, devices, links that lead nowhere."""
    return [Path(path) for path in read_folder(str(folder), []).paths()]


def check_regular(path: Path) -> None:
    """Refuse what would never end, or is no file at all: pipes, devices, folders, links that lead nowhere.

    Raises:
        ValueError: it is one of these, or too large to be an image or a text.
        OSError: it cannot be looked at.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("not a file")
    if found.st_size > LARGEST_FILE_BYTES:
        raise ValueError(f"a file of {found.st_size / 1e6:,.0f} MB, more than {LARGEST_FILE_BYTES / 1e6:.0f}")


def first_few(names: Sequence[str], most: int) -> str:
    """The names in one line; of more than ``most``, the first of them."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def first_line(error: BaseException) -> str:
    """The message of an exception on one line, or its type where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
