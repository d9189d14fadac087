"""Texts in .txt files, without labels: a text a line, or a text a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from datamodules.sources.folders.split_names import files_by_split
from datamodules.sources.folders.text_folders import SUFFIX, read_text_files
from datamodules.sources.labels.nothing import no_labels
from datamodules.sources.source import SPLIT_NAMES, Examples, Source, visible_files
from datamodules.sources.stored_items import keep_rows
from datamodules.sources.text_encoding import recognise_encoding


def is_plain_text(path: Path) -> bool:
    """Return whether a path is a .txt file, or a folder with one in it or below."""
    files = visible_files(path) if path.is_dir() else [path]
    return any(file.suffix.lower() == SUFFIX for file in files)


def load_plain_texts(path: Path, cache: bool = True, encoding: str | None = None) -> Source:
    """A .txt file, each line of which is a text; or a folder of .txt files, each of which is one.

    Files in a folder that are themselves named for splits, such as train.txt and test.txt, are read by the line; others
    may lie in folders that are. Blank lines are no texts.

    Args:
        cache: whether to keep what was read under data/.
        encoding: of files that are read by the line; recognised when None.

    Raises:
        ValueError: two names for one split, no training texts, or a file of lines that cannot be read.
    """
    if path.is_file():
        found = Source(f"text file {path}", [], {}, ["each of its lines is a text"])
        found.splits["train"] = _read_lines([path], cache, encoding)
        return found
    return _load_folder(path, cache, encoding)


def _load_folder(folder: Path, cache: bool, encoding: str | None) -> Source:
    found = Source(f"text folder {folder}", [], {})
    files = [file for file in visible_files(folder) if file.suffix.lower() == SUFFIX]
    by_split = files_by_split(files, folder, found.notes) or {"train": files}
    if "train" not in by_split:
        raise ValueError(f"data.source={str(folder)!r} has {', '.join(by_split)} but no train texts beside it")
    for split in (name for name in SPLIT_NAMES if name in by_split):
        of_split = by_split[split]
        if all(files_by_split([file], file.parent, []) for file in of_split):
            found.notes.append(f"each line of {' and '.join(file.name for file in of_split)} is a text")
            found.splits[split] = _read_lines(of_split, cache, encoding)
        else:
            found.splits[split] = read_text_files(of_split, no_labels(len(of_split)), found, cache)
    read = {file for of_split in by_split.values() for file in of_split}
    for file in visible_files(folder):
        if file not in read:
            reason = "its path says no split" if file.suffix.lower() == SUFFIX else "not a .txt file"
            found.ignored.append((str(file), reason))
    return found


def _read_lines(files: list[Path], cache: bool, encoding: str | None) -> Examples:
    """The texts of files, one a line.

    Raises:
        ValueError: one cannot be read.
    """
    stored = keep_rows(_lines(files, encoding), [], files, ("lines", encoding), "text", Path(), cache)
    kept = np.flatnonzero(stored.items.present)
    return Examples(stored.items.take(kept), no_labels(len(kept)))


def _lines(files: list[Path], encoding: str | None) -> Iterator[tuple[str, None]]:
    for path in files:
        try:
            with path.open(encoding=encoding or recognise_encoding(path), errors="replace") as file:
                for line in file:
                    yield line.rstrip("\n"), None
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error
