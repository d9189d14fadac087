"""Texts in folders: a sub-folder of .txt files for each class, in folders for the splits if there are any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from datamodules.sources.folders.split_names import files_by_split
from datamodules.sources.source import SPLIT_NAMES, Examples, Source, visible_files
from datamodules.sources.stored_items import keep_rows
from datamodules.sources.tables.labels import class_order, plain_name
from datamodules.sources.text_encoding import recognise_encoding

SUFFIX = ".txt"
UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")


def load_text_folder(folder: Path, cache: bool = True) -> Source:
    """A folder such as aclImdb, where train/pos/0.txt is a training text of the class pos.

    Raises:
        ValueError: no class folders, or a split with a class that train lacks.
    """
    notes: list[str] = []
    base = _around_all(folder)
    by_split = files_by_split(_text_folders(base), base, notes)
    roots = {split: found[0] for split, found in by_split.items()} if by_split.keys() & {"train", "test"} else {}
    roots = roots or {"train": base}
    if "train" not in roots:
        raise ValueError(f"data.source={str(folder)!r} has {', '.join(roots)} but no train folder beside it")
    splits = {split: _by_class(roots[split]) for split in SPLIT_NAMES if split in roots}
    class_names = class_order(splits["train"])
    found = Source(f"text folder {folder}", class_names, {}, notes)
    used: set[Path] = set()
    for split, by_class in splits.items():
        _check_classes(split, by_class, class_names)
        files = [file for name in class_names for file in by_class.get(name, [])]
        labels = np.repeat(np.arange(len(class_names)), [len(by_class.get(name, [])) for name in class_names])
        found.splits[split] = read_text_files(files, labels, found, cache)
        used.update(files)
    found.ignored.extend(_left_out(folder, used))
    return found


def holds_text_folders(folder: Path) -> bool:
    """Return whether there are .txt files in two or more folders."""
    return len({file.parent for file in visible_files(folder) if file.suffix.lower() == SUFFIX} - {folder}) > 1


def _around_all(folder: Path) -> Path:
    """The folder itself, or the only one in it that has all the texts, as unpacking may leave it."""
    inner = _text_folders(folder)
    return _around_all(inner[0]) if len(inner) == 1 else folder


def _text_folders(folder: Path) -> list[Path]:
    """The sub-folders that have texts, in them or below."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [path for path in inner if any(file.suffix.lower() == SUFFIX for file in visible_files(path))]


def _by_class(root: Path) -> dict[str, list[Path]]:
    """The texts in each class folder; what is unlabelled by its name is no class."""
    found: dict[str, list[Path]] = {}
    for folder in _text_folders(root):
        if folder.name.lower() not in UNLABELLED:
            texts = [file for file in visible_files(folder) if file.suffix.lower() == SUFFIX]
            found.setdefault(plain_name(folder.name), []).extend(texts)
    return found


def _check_classes(split: str, by_class: dict[str, list[Path]], class_names: list[str]) -> None:
    if new := sorted(by_class.keys() - set(class_names)):
        raise ValueError(f"the {split} split has a class {new[0]!r}, which is not among the training classes")


def read_text_files(files: list[Path], labels: np.ndarray, found: Source, cache: bool) -> Examples:
    """The texts that can be read, one a file; the others go to ``found``.

    Args:
        labels: int64 (files,).
    """
    stored = keep_rows(_rows(files), [], files, SUFFIX, "text", Path(), cache)
    present, reasons = stored.items.present, stored.labels
    for place in np.flatnonzero(~present).tolist():
        code = int(reasons.codes[place])
        kind, reason = found.empty, "no text"
        if code >= 0:
            kind, reason = found.unusable, reasons.values[code]
        for left in (found.skipped, kind):
            left.append((str(files[place]), reason))
    kept = np.flatnonzero(present)
    return Examples(stored.items.take(kept), labels[kept].astype(np.int64))


def _rows(files: list[Path]) -> Iterator[tuple[str | None, str | None]]:
    """Each text; in the place of a label, why it cannot be read if so."""
    for file in files:
        try:
            yield file.read_text(recognise_encoding(file)), None
        except (OSError, ValueError) as error:
            yield None, str(error)


def _left_out(folder: Path, used: set[Path]) -> list[tuple[str, str]]:
    """(item, reason) of the files that are no texts of a class; folders of unlabelled texts as a whole."""
    reasons: dict[str, str] = {}
    for file in visible_files(folder):
        if file.parent.name.lower() in UNLABELLED:
            reasons[str(file.parent)] = "texts without a class, by its name"
        elif file not in used:
            reasons[str(file)] = "in no class folder" if file.suffix.lower() == SUFFIX else "not a .txt file"
    return list(reasons.items())
