"""Parquet, CSV and JSON files as tables: which of a folder's count, and for what split."""

from __future__ import annotations

import re
from glob import escape
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.sources import SPLIT_NAMES, first_line, visible_files
from datamodules.table_checks import check_table

if TYPE_CHECKING:
    from datasets import Dataset

TABLE_SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}


def read_tables(path: Path, cache: Path) -> dict[str, Dataset]:
    """A table, or those in a folder, by split as the files name it.

    Args:
        cache: folder for the Arrow files that are made of them.

    Raises:
        ValueError: it cannot be read; on one line.
    """
    from datasets import load_dataset, logging

    logging.disable_progress_bar()
    logging.set_verbosity(logging.CRITICAL)  # what goes wrong is said below, once
    # Not the folder itself: load_dataset would fetch what a README.md in it names, and unpack archives.
    table_format, files = _table_files(path)
    try:
        for file in chain(*files.values()):
            check_table(file)
        # The name of a file is a pattern to load_dataset: brackets in it must stand for themselves.
        patterns = {split: [escape(str(file)) for file in named] for split, named in files.items()}
        return dict(load_dataset(table_format, data_files=patterns, cache_dir=str(cache)))
    except Exception as error:  # parsers raise anything for bytes that somebody made up
        reason = error.__cause__ or error.__context__ or error
        encoding = "; save it as UTF-8" if isinstance(reason, UnicodeDecodeError) else ""
        raise ValueError(f"data.source={str(path)!r} cannot be read: {first_line(reason)}{encoding}") from error


def _table_files(path: Path) -> tuple[str, dict[str, list[Path]]]:
    """The format of a table, and its files by split.

    Of a folder, those of one format count: Parquet before CSV before JSON, which may only describe the others. A file's
    split is the last word of its path that names one; if no file has any, all are for training.
    """
    files = [path] if path.is_file() else visible_files(path)
    formats = [TABLE_SUFFIXES.get(file.suffix.lower()) for file in files]
    chosen = next(name for name in TABLE_SUFFIXES.values() if name in formats)
    found = [file for file, name in zip(files, formats, strict=True) if name == chosen]
    splits: dict[str, list[Path]] = {}
    for file in found if path.is_dir() else []:
        words = re.split("[^a-z]+", str(file.relative_to(path)).lower())
        named = (split for word in reversed(words) for split, names in SPLIT_NAMES.items() if word in names)
        if split := next(named, None):
            splits.setdefault(split, []).append(file)
    return chosen, splits or {"train": found}
