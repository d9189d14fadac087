"""The tree of a folder, with links followed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter, itemgetter
from pathlib import Path

# Folders that an archiver, a file manager or a storage server leaves among a person's own.
LEFT_BY_SYSTEMS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")


@dataclass(frozen=True)
class Folder:
    """A folder with the names of its files, plain text since there may be millions, and the folders in it.

    ``others`` are the names of files that were ignored.
    """

    path: str
    files: list[str] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def filled(self) -> list[Folder]:
        """Those of its folders that hold files, in them or below."""
        return [folder for folder in self.folders if folder.holds_files]

    @cached_property
    def holds_files(self) -> bool:
        return bool(self.files) or any(folder.holds_files for folder in self.folders)

    def all_others(self) -> Iterator[str]:
        """Names of the ignored files in it and below."""
        yield from self.others
        for folder in self.folders:
            yield from folder.all_others()

    def paths(self) -> Iterator[str]:
        """All files in it and below, by name."""
        if not self.folders:
            yield from (f"{self.path}/{name}" for name in self.files)
            return
        entries: list[tuple[str, Folder | None]] = [(name, None) for name in self.files]
        entries += [(folder.name, folder) for folder in self.folders]
        for name, folder in sorted(entries, key=itemgetter(0)):
            if folder is None:
                yield f"{self.path}/{name}"
            else:
                yield from folder.paths()


def leave_hidden(entry: os.DirEntry[str]) -> str | None:
    """The reason to ignore a file: empty for a hidden one, None for one to list."""
    return "" if entry.name.startswith(".") else None


def read_folder(
    path: str,
    ignored: list[tuple[str, str]],
    reason_to_ignore: Callable[[os.DirEntry[str]], str | None] = leave_hidden,
    around: frozenset[tuple[int, int]] = frozenset(),
) -> Folder:
    """A folder and all below it, also through links; what only looks like a file is listed as one.

    Args:
        ignored: what has no part in it is added, with the reason.
        reason_to_ignore: that of a file; None for one to list, and empty for one that is not worth a word.
        around: device and inode of the folders that it lies in: a link back to one of them is not followed.

    Raises:
        ValueError: a folder that cannot be read.
    """
    try:
        around |= {_identity(path)}
        with os.scandir(path) as entries:
            ordered = sorted(entries, key=attrgetter("name"))
    except OSError as error:
        raise ValueError(f"the folder {path} cannot be read: {error.strerror}") from error
    folder = Folder(path)
    for entry in ordered:
        is_folder = _is_folder(entry)
        reason = _reason_to_leave(entry, around) if is_folder else reason_to_ignore(entry)
        if reason:
            ignored.append((entry.path, reason))
            if not is_folder:
                folder.others.append(entry.name)
        elif reason is None and is_folder:
            folder.folders.append(read_folder(entry.path, ignored, reason_to_ignore, around))
        elif reason is None:
            folder.files.append(entry.name)
    return folder


def _identity(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino


def is_file(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file or leads to one, which a link in circles does not."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in circles
        return False


def _reason_to_leave(entry: os.DirEntry[str], around: frozenset[tuple[int, int]]) -> str | None:
    """Say why a folder is not part of the data; None if it is."""
    if entry.name in LEFT_BY_SYSTEMS:
        return "left by an archiver or a system"
    if entry.is_symlink() and _identity(entry.path) in around:
        return "a link to a folder that it lies in"
    return "a hidden folder" if entry.name.startswith(".") else None
