"""The texts in one file, with the line that each begins in: .txt, .csv, .tsv, .json, .jsonl and .parquet."""

from __future__ import annotations

import codecs
import csv
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from datamodules.no_input import Unreadable
from datamodules.sources import check_regular
from datamodules.table_columns import Column, column_names, join_texts

Row = tuple[int, str | Unreadable]  # the line that it begins in, or its position, from 1 on
SHOWN_COLUMNS = 10
DELIMITERS = ",;\t|"
ROWS_AT_ONCE = 1000
BYTES_AT_ONCE = 2**20
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins like that of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class NoColumnError(ValueError):
    """A table has no column for texts."""


def text_encoding(path: Path) -> str:
    """What a byte order mark says, UTF-8 without one, or else the encoding of Windows in the West."""
    with path.open("rb") as file:
        start = file.read(4)
        for mark, name in BYTE_ORDER_MARKS.items():
            if start.startswith(mark):
                return name
        parts = iter(lambda: file.read(BYTES_AT_ONCE), b"")
        return "utf-8-sig" if _is_utf8(chain([start], parts)) else "cp1252"


def _is_utf8(content: Iterable[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for part in content:
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _lines(path: Path, encoding: str | None = None, newline: str | None = None) -> Iterator[str]:
    with path.open(encoding=encoding or text_encoding(path), errors="replace", newline=newline) as file:
        yield from file


def _text_rows(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    return ((n, line.rstrip("\n")) for n, line in enumerate(_lines(path), 1))


def _csv_rows(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    """Records, which may span lines; the delimiter is the one with which the header has a wanted column."""
    csv.field_size_limit(sys.maxsize)  # 131,072 characters otherwise
    encoding = text_encoding(path)
    delimiters = "\t" if path.suffix.lower() == ".tsv" else DELIMITERS
    tables = [_records(_lines(path, encoding, newline=""), delimiter) for delimiter in delimiters]
    headers = [next(records, (1, []))[1] for records in tables]
    chosen = next((n for n, header in enumerate(headers) if _wanted(header, columns) is not None), 0)
    places = _places(headers[chosen], columns)
    for begins, record in tables[chosen]:
        yield begins, _cell(record, places, len(headers[chosen]))


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each record, and the line that it begins in; an empty line is none.

    Raises:
        ValueError: a quote that is never closed, so that all lines from there on would be one text.
    """
    seen: list[str] = []  # lines of the record at hand

    def each_line() -> Iterator[str]:
        for line in lines:
            seen.append(line)
            yield line

    reader = csv.reader(each_line(), delimiter=delimiter)
    begins = 1
    for record in reader:
        if len(seen) > 1:
            _check_closed(seen, begins)
        if record:
            yield begins, record
        begins = reader.line_num + 1
        seen.clear()


def _check_closed(record: list[str], begins: int) -> None:
    try:
        deque(csv.reader(record, strict=True), maxlen=0)
    except csv.Error as error:
        if "end of data" in str(error):
            raise ValueError(f"the quote that line {begins} opens is never closed") from error


def _cell(record: list[str], places: list[int], width: int) -> str | Unreadable:
    """The text of a record; one with too many fields has shifted, so that nobody knows which is the text."""
    if len(record) > width:
        return Unreadable(f"{len(record)} fields, the header has {width}: put quotes around a text with the delimiter")
    texts = [record[place] for place in places if place < len(record)]
    return join_texts(texts) if texts else Unreadable("no text")


def _json_lines(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    return _texts_of(((n, _json_value(line)) for n, line in enumerate(_lines(path), 1) if line.strip()), columns)


def _json_rows(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    """A list of objects or texts, by position; one within an object, such as under "data"; or objects line by line."""
    lines = (line for line in _lines(path) if line.strip())
    first, second = next(lines, ""), next(lines, "")
    if second and not isinstance(_json_value(first), Unreadable):
        return _json_lines(path, columns)
    check_regular(path)
    rows = _rows_within(_json_value("".join(_lines(path))), columns)
    return _texts_of(enumerate(rows, 1), columns)


def _rows_within(value: Any, columns: Sequence[Column]) -> list[Any]:
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


def _in_columns(named: dict[str, Any], wanted: list[str]) -> list[Any]:
    """A single object, or one whose values are columns: lists, or objects by the number of the row."""
    columns = [list(part.values()) if isinstance(part := named[name], dict) else part for name in wanted]
    if not all(isinstance(column, list) for column in columns):
        return [named]
    return [dict(zip(wanted, texts, strict=True)) for texts in zip(*columns, strict=False)]


def _parquet_rows(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        wanted = [names[place] for place in _places(names, columns)]
        for name in wanted:
            if not _is_textual(file.schema_arrow.field(name).type):
                raise NoColumnError(f"column {name!r} holds {file.schema_arrow.field(name).type} values, not texts")
        for number, batch in enumerate(file.iter_batches(ROWS_AT_ONCE, columns=wanted)):
            texts = zip(*(batch.column(name).to_pylist() for name in wanted), strict=True)
            for n, row in enumerate(texts, number * ROWS_AT_ONCE + 1):
                yield n, join_texts([text for text in row if text is not None]) if any(row) else Unreadable("no text")
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _is_textual(kind: Any) -> bool:
    import pyarrow as pa

    stored = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(stored) or pa.types.is_large_string(stored))


ROWS: dict[str, Callable[[Path, Sequence[Column]], Iterator[Row]]] = {
    ".txt": _text_rows,
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".json": _json_rows,
    ".jsonl": _json_lines,
    ".parquet": _parquet_rows,
}


def _places(names: Sequence[str], columns: Sequence[Column]) -> list[int]:
    """Where the first wanted column that is there stands, or the several of it.

    Raises:
        NoColumnError: none is.
    """
    places = _wanted(names, columns)
    if places is None:
        wanted = " or ".join(" and ".join(column_names(column)) for column in columns)
        shown = ", ".join(names[:SHOWN_COLUMNS]) + (", …" if len(names) > SHOWN_COLUMNS else "")
        raise NoColumnError(f"no {wanted} column: it has {shown}; name one with --text_column")
    return places


def _wanted(names: Sequence[str], columns: Sequence[Column]) -> list[int] | None:
    lowered = [name.strip().lower() for name in names]
    for column in columns:
        wanted = [name.lower() for name in column_names(column)]
        if set(wanted) <= set(lowered):
            return [lowered.index(name) for name in wanted]
    return None


def _texts_of(rows: Iterable[tuple[int, Any]], columns: Sequence[Column]) -> Iterator[Row]:
    """The text of each row; a row in JSON may be nothing but the text.

    Raises:
        NoColumnError: the rows have names, and none has one for texts.
    """
    names: dict[str, None] = {}
    any_text = False
    for n, row in rows:
        text = _text_of(row, columns)
        any_text = any_text or isinstance(text, str)
        names |= dict.fromkeys(row) if isinstance(row, dict) and not any_text else {}
        yield n, text
    if names and not any_text:
        _places(list(names), columns)


def _text_of(row: Any, columns: Sequence[Column]) -> str | Unreadable:
    if isinstance(row, dict):
        named = {name.strip().lower(): value for name, value in row.items()}
        wanted = ([name.lower() for name in column_names(column)] for column in columns)
        there = next((names for names in wanted if not named.keys().isdisjoint(names)), [])
        texts = [named[name] for name in there if isinstance(named.get(name), str)]
        row = join_texts(texts) if texts else None
    return row if isinstance(row, str | Unreadable) else Unreadable("no text")


def _json_value(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return Unreadable("not JSON")
