"""The inputs in a folder, and what stands in the place of one that cannot be classified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from datamodules.sources.folders.folder_tree import read_folder


class Unreadable(NamedTuple):
    """An input that was meant to be classified and cannot be read."""

    reason: str


class NotAnInput(NamedTuple):
    """A file in a folder that has no part in what is to be classified, such as README.md among photos."""

    reason: str


class Note(NamedTuple):
    """No input, but a sentence for the person, such as how a file is read."""

    reason: str


def files_below(folder: Path) -> Iterator[tuple[str, Path | NotAnInput]]:
    """(name, path) of everything in a folder that may be a file, sorted, and after it what is passed over.

    Raises:
        ValueError: a folder that cannot be read.
    """
    passed_over: list[tuple[str, str]] = []
    for path in read_folder(str(folder), passed_over).paths():
        yield path, Path(path)
    for path, reason in passed_over:
        yield path, NotAnInput(reason)
