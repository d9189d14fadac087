"""Table files: recognising them, their splits, and the reader of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from datamodules.sources.folders.split_names import files_by_split
from datamodules.sources.source import ARCHIVES, first_line, visible_files
from datamodules.sources.tables.checks import check_table
from datamodules.sources.tables.columnar import DESCRIPTION, ColumnarTable
from datamodules.sources.tables.delimited import DelimitedFormat, DelimitedTable
from datamodules.sources.tables.json_rows import JsonTable

Table = DelimitedTable | JsonTable | ColumnarTable

# In a folder, the first of these that a split has a file of is the one that is read.
TABLE_SUFFIXES = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".csv": "delimited",
    ".tsv": "delimited",
    ".tab": "delimited",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
FORMATS = tuple(dict.fromkeys(TABLE_SUFFIXES.values()))
MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow"}
NOT_TABLES = {
    b"PK\x03\x04": "it is an Excel workbook or an archive: save the sheet as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "it is an Excel workbook: save the sheet as CSV",
    b"\x1f\x8b": "it is packed: unpack it",
    b"%PDF": "it is a PDF",
}
# What save_to_disk writes beside its Arrow files.
SAVED_STATE = "state.json"
DESCRIPTIONS = (SAVED_STATE, DESCRIPTION, "dataset_dict.json")


class Found(NamedTuple):
    """The tables of a folder by split, the files that are not read with the reason, and what to say of it all."""

    splits: dict[str, list[Path]]
    ignored: list[tuple[str, str]]
    notes: list[str]


def open_table(path: Path, given: DelimitedFormat, wanted: Sequence[Sequence[str]]) -> Table:
    """A table of whatever format, told by its content before its name.

    Args:
        given: what is known of delimited files.
        wanted: groups of column names, one of each of which is needed.

    Raises:
        ValueError: it cannot be read; on one line.
    """
    try:
        kind = _format(path)
        check_table(path, kind)
        if kind == "json":
            return JsonTable(path, given.encoding)
        if kind == "delimited":
            return DelimitedTable(path, given, wanted)
        return ColumnarTable(path, parquet=kind == "parquet")
    except Exception as error:  # parsers raise anything for bytes that somebody made up
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> ValueError:
    """Say on one line which table cannot be read, and why."""
    reason = first_line(error)
    return ValueError(reason if str(path) in reason else f"{path} cannot be read: {reason}")


def _format(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(8)
    for magic, reason in NOT_TABLES.items():
        if start.startswith(magic):
            raise ValueError(reason)
    by_name = TABLE_SUFFIXES.get(path.suffix.lower())
    by_content = next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)
    return by_content or by_name or "delimited"


def holds_tables(folder: Path) -> bool:
    """Return whether a file below a folder is named as a table."""
    return any(file.suffix.lower() in TABLE_SUFFIXES for file in visible_files(folder))


def find_tables(folder: Path, kind: str) -> Found:
    """The tables below a folder.

    If the name of none says a split, all are for training; otherwise those without are left out. Of several formats of
    a split, the first of ``FORMATS`` counts.

    Args:
        kind: "image" where images beside the tables are what these name.

    Raises:
        ValueError: no tables, or two names for one split.
    """
    notes: list[str] = []
    files = [file for file in visible_files(folder) if not _describes(file)]
    tables = [file for file in files if file.suffix.lower() in TABLE_SUFFIXES]
    plain = [file for file in files if file.suffix.lower() == ".txt"]
    splits = files_by_split(tables or plain, folder, notes) or ({"train": tables} if tables else {})
    if not splits:
        raise ValueError(f"data.source={str(folder)!r} holds no {' '.join(TABLE_SUFFIXES)} file")
    other_format: list[Path] = []
    for split, found in splits.items():
        rank = min(map(_rank, found))
        splits[split] = [file for file in found if _rank(file) == rank]
        other_format += [file for file in found if _rank(file) != rank]
    read = {file for found in splits.values() for file in found}
    left = [file for file in files if file not in read and (file in tables or kind != "image")]
    return Found(splits, [(str(file), _reason_to_leave(file, other_format)) for file in left], notes)


def _rank(file: Path) -> int:
    return FORMATS.index(TABLE_SUFFIXES.get(file.suffix.lower(), "delimited"))


def _reason_to_leave(file: Path, other_format: Sequence[Path]) -> str:
    if file.suffix.lower() in ARCHIVES:
        return "an archive: unpack it to use what is in it"
    if file in other_format:
        return "that split is read from another format"
    if file.suffix.lower() in TABLE_SUFFIXES:
        return "its name says no split: name it train-… to train on it"
    return "not a table"


def _describes(file: Path) -> bool:
    """Return whether a file only describes the Arrow files beside it, or is what datasets keeps there for itself."""
    state = file.parent / SAVED_STATE
    if file.name in DESCRIPTIONS:
        return True
    if file.suffix.lower() != ".arrow" or not state.is_file():
        return False
    try:
        names = {part["filename"] for part in json.loads(state.read_bytes())["_data_files"]}
    except (ValueError, KeyError, TypeError):
        return False
    return file.name not in names
