"""Unlabelled texts from .txt, .csv, .json and .jsonl files, whatever their encoding and whoever wrote them."""

from __future__ import annotations

import codecs
import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from datamodules.sources import check_regular, visible_entries

TEXT_SUFFIXES = (".txt", ".csv", ".json", ".jsonl")
SHOWN_COLUMNS = 10
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins like that of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_texts(path: Path, columns: Sequence[str]) -> list[tuple[str, str | None]]:
    """(name, text) for each text in a file, or in the files below a folder, where a .txt file is one text.

    UTF-8, or what a byte order mark says; what is neither becomes �. A text that cannot be read or found is None.

    Args:
        columns: of a table; the first one that holds a text in a row counts.

    Raises:
        ValueError: a file, not one of several in a folder, that cannot be read.
    """
    if not path.is_dir():
        return _rows(path, columns)
    texts: list[tuple[str, str | None]] = []
    for file in (f for f in visible_entries(path) if f.suffix.lower() in TEXT_SUFFIXES):
        try:
            texts += [(str(file), _whole(file))] if file.suffix.lower() == ".txt" else _rows(file, columns)
        except (OSError, ValueError):
            texts.append((str(file), None))
    return texts


def _whole(path: Path) -> str:
    check_regular(path)
    return path.read_text(_encoding(path), "replace")


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[str, str | None]]:
    suffix = path.suffix.lower()
    if suffix not in TEXT_SUFFIXES:
        raise ValueError(f"{path} is not a {', '.join(TEXT_SUFFIXES[:-1])} or {TEXT_SUFFIXES[-1]} file")
    try:
        check_regular(path)
        with path.open(encoding=_encoding(path), errors="replace", newline="" if suffix == ".csv" else None) as file:
            return [(f"{path}:{line}", text) for line, text in ROWS[suffix](file, columns)]
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    return next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), "utf-8-sig")


def _text_lines(file: Any, columns: Sequence[str]) -> list[tuple[int, str | None]]:
    return [(n, line.rstrip("\n")) for n, line in enumerate(file, 1)]


def _json_lines(file: Iterable[str], columns: Sequence[str]) -> list[tuple[int, str | None]]:
    return _texts_of(((n, _json_value(line)) for n, line in enumerate(file, 1)), columns)


def _json_list(file: Any, columns: Sequence[str]) -> list[tuple[int, str | None]]:
    """A list of objects or texts, by its positions from 1 on; what is no list is read as lines."""
    content = file.read()
    rows = _json_value(content)
    return (
        _texts_of(enumerate(rows, 1), columns) if isinstance(rows, list) else _json_lines(io.StringIO(content), columns)
    )


def _csv_rows(file: Any, columns: Sequence[str]) -> list[tuple[int, str | None]]:
    csv.field_size_limit(sys.maxsize)  # 131,072 characters otherwise
    reader = csv.DictReader(file)
    return _texts_of(((reader.line_num, row) for row in reader), columns)


ROWS = {".txt": _text_lines, ".jsonl": _json_lines, ".json": _json_list, ".csv": _csv_rows}


def _texts_of(rows: Iterable[tuple[int, Any]], columns: Sequence[str]) -> list[tuple[int, str | None]]:
    """The text of each row.

    Raises:
        ValueError: the rows have columns, and none of them is one for texts.
    """
    texts: list[tuple[int, str | None]] = []
    found: dict[str, None] = {}
    for n, row in rows:
        found |= dict.fromkeys(map(str, row)) if isinstance(row, dict) else {}
        texts.append((n, _text_of(row, columns)))
    nameless = {name.lower() for name in found}.isdisjoint([*map(str.lower, columns), ""])
    if found and nameless and all(text is None for _, text in texts):
        shown = ", ".join(list(found)[:SHOWN_COLUMNS]) + (", …" if len(found) > SHOWN_COLUMNS else "")
        raise ValueError(f"no {' or '.join(columns)} column: it has {shown}; name one with --text_column")
    return texts


def _text_of(row: Any, columns: Sequence[str]) -> str | None:
    """The first text column of a row that holds a text; a JSON line may be nothing but the text."""
    named = {str(name).lower(): text for name, text in row.items()} if isinstance(row, dict) else {"": row}
    wanted = [named.get(name.lower()) for name in (*columns, "")]
    return next((text for text in wanted if isinstance(text, str)), None)


def _json_value(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
