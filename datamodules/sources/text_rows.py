"""The texts in one file, with the line that each begins in: .txt, .csv, .tsv, .json, .jsonl and .parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.sources.no_input import Note, Unreadable
from datamodules.sources.source import check_regular
from datamodules.sources.tables.columnar import ColumnarTable
from datamodules.sources.tables.columns import Column, NoColumnError, column_names, find_column, join_texts
from datamodules.sources.tables.delimited import DelimitedFormat, DelimitedTable
from datamodules.sources.text_encoding import recognise_encoding

Row = tuple[int, str | Unreadable | Note]  # the line that it begins in, or its position, from 1 on
ROWS_AT_ONCE = 1000
KEY = "text_column"  # the option that names a column


class Reading(NamedTuple):
    """The columns of a table that may hold texts, of which the first that it has counts, and its format."""

    columns: Sequence[Column]
    delimited: DelimitedFormat = DelimitedFormat()


def _lines(path: Path, reading: Reading) -> Iterator[str]:
    with path.open(encoding=reading.delimited.encoding or recognise_encoding(path), errors="replace") as file:
        yield from file


def _text_rows(path: Path, reading: Reading) -> Iterator[Row]:
    return ((n, line.rstrip("\n")) for n, line in enumerate(_lines(path, reading), 1))


def _csv_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """Records, which may span lines, read as those of training data are."""
    table = DelimitedTable(path, reading.delimited, [list(column_names(column)) for column in reading.columns])
    places, said = find_column(KEY, reading.columns, table.columns, path)
    for note in [*table.notes, *filter(None, [said])]:
        yield 0, Note(note)
    for line, cells in table.numbered_rows(places):
        yield line, _joined(cells)


def _joined(texts: Sequence[str | None]) -> str | Unreadable:
    """The text of a row, of one column or several."""
    text = join_texts(texts)
    return Unreadable("no text") if text is None else text


def _json_lines(path: Path, reading: Reading) -> Iterator[Row]:
    numbered = ((n, line) for n, line in enumerate(_lines(path, reading), 1) if line.strip())
    return _texts_of(((n, _json_value(line)) for n, line in numbered), reading.columns, path)


def _json_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """A list of objects or texts, by position; one within an object, such as under "data"; or objects line by line."""
    lines = (line for line in _lines(path, reading) if line.strip())
    first, second = next(lines, ""), next(lines, "")
    if second and not isinstance(_json_value(first), Unreadable):
        return _json_lines(path, reading)
    check_regular(path)
    rows = _rows_within(_json_value("".join(_lines(path, reading))), reading.columns)
    return _texts_of(enumerate(rows, 1), reading.columns, path)


def _rows_within(value: object, columns: Sequence[Column]) -> list[Any]:
    """The rows in a JSON value.

    Raises:
        ValueError: there are none, or several lists that may be meant.
    """
    if isinstance(value, Unreadable):
        raise ValueError(value.reason)
    if isinstance(value, list):
        return value
    named = {name: part for name, part in value.items() if part} if isinstance(value, dict) else {}
    wanted = _wanted(list(named), columns)
    if wanted is not None:
        return _in_columns(named, [list(named)[place] for place in wanted])
    lists = [name for name, part in named.items() if isinstance(part, list) and isinstance(part[0], dict | str)]
    if len(lists) > 1:
        raise ValueError(f"it holds several lists ({', '.join(lists)}): give one of them as a file of its own")
    if not lists:
        raise ValueError("it holds no list of objects or texts")
    return list(named[lists[0]])


def _in_columns(named: dict[str, object], wanted: list[str]) -> list[Any]:
    """A single object, or one whose values are columns: lists, or objects by the number of the row."""
    columns = [list(part.values()) if isinstance(part := named[name], dict) else part for name in wanted]
    if not all(isinstance(column, list) for column in columns):
        return [named]
    return [dict(zip(wanted, texts, strict=True)) for texts in zip(*columns, strict=False)]


def _parquet_rows(path: Path, reading: Reading) -> Iterator[Row]:
    table = ColumnarTable(path, parquet=True)
    places, said = find_column(KEY, reading.columns, table.columns, path)
    for place in places:
        if table.holds(place) not in ("texts", "numbers"):
            raise NoColumnError(f"column {table.columns[place]!r} of {path} holds {table.holds(place)}, not texts")
    if said:
        yield 0, Note(said)
    for n, cells in enumerate(table.rows(places), 1):
        yield n, _joined(cells)


ROWS: dict[str, Callable[[Path, Reading], Iterator[Row]]] = {
    ".txt": _text_rows,
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".json": _json_rows,
    ".jsonl": _json_lines,
    ".parquet": _parquet_rows,
}


def _wanted(names: Sequence[str], columns: Sequence[Column]) -> list[int] | None:
    lowered = [name.strip().lower() for name in names]
    for column in columns:
        wanted = [name.lower() for name in column_names(column)]
        if set(wanted) <= set(lowered):
            return [lowered.index(name) for name in wanted]
    return None


def _texts_of(rows: Iterable[tuple[int, object]], columns: Sequence[Column], path: Path) -> Iterator[Row]:
    """The text of each row; a row in JSON may be nothing but the text.

    Raises:
        NoColumnError: the rows have names, and none has one for texts.
    """
    names: dict[str, None] = {}
    any_text = False
    for n, row in rows:
        text = _text_of(row, columns)
        any_text = any_text or isinstance(text, str)
        if isinstance(row, dict) and not any_text:
            names |= dict.fromkeys(row)
        yield n, text
    if names and not any_text:
        find_column(KEY, columns, list(names), path)


def _text_of(row: object, columns: Sequence[Column]) -> str | Unreadable:
    if isinstance(row, dict):
        places = _wanted(list(row), columns)
        texts = _some_of(row, columns) if places is None else [list(row.values())[place] for place in places]
        return _joined([text if isinstance(text, str) else None for text in texts])
    return row if type(row) is str or isinstance(row, Unreadable) else Unreadable("no text")


def _some_of(row: dict[str, object], columns: Sequence[Column]) -> list[Any]:
    """Those of several columns, which are one text together, that an object has."""
    named = {name.strip().lower(): value for name, value in row.items()}
    together = (column_names(column) for column in columns)
    return next((found for names in together if (found := [named[n.lower()] for n in names if n.lower() in named])), [])


class Number(str):
    """A number in JSON, as it is written."""


def _json_value(line: str) -> Any:
    try:
        return json.loads(line, parse_int=Number, parse_float=Number)
    except (ValueError, RecursionError):
        return Unreadable("not JSON")
