"""Tables in JSON: an object a line, a list of objects, or an object of columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from datamodules.sources.tables.checks import check_columns
from datamodules.sources.text_encoding import recognise_encoding


class JsonTable:
    """A file of JSON objects. Numbers are read as they are written, as text.

    Attributes:
        columns: every name in any of the objects, in the order in which they come.

    Raises:
        ValueError: naming what is no object.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self.encoding = encoding or recognise_encoding(path)
        names: dict[str, None] = {}
        for _, row in self._objects():
            names.update(dict.fromkeys(row))
            check_columns(len(names))
        self.columns = list(names)

    @property
    def settings(self) -> object:
        """The settings that the rows depend on besides the file."""
        return (self.encoding, self.columns)

    def holds(self, column: int) -> str:
        """Return what the values of a column are read as."""
        return "texts"

    def declared(self, column: int) -> list[str] | None:
        """JSON declares no class names."""
        return None

    def rows(self, columns: Sequence[int]) -> Iterator[list[str | None]]:
        """The values of these columns in each object; None where it has none, or null.

        Raises:
            ValueError: a value is a list or an object.
        """
        names = [self.columns[column] for column in columns]
        for place, row in self._objects():
            values = [row.get(name) for name in names]
            for name, value in zip(names, values, strict=True):
                if isinstance(value, list | dict):
                    raise ValueError(f"{place}: column {name!r} holds a {type(value).__name__}")
            yield [str(value) if isinstance(value, bool) else value for value in values]

    def _objects(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(where it stands, object) for each."""
        with self.path.open(encoding=self.encoding) as file:
            start = file.read(1)
            while start.isspace():
                start = file.read(1)
            file.seek(0)
            if start == "[":
                yield from _listed(_parsed(file.read(), "it"))
            elif _is_object(first := file.readline()) or not first.strip():
                file.seek(0)
                yield from _lines(file)
            else:
                file.seek(0)
                yield from _one_after_the_other(file.read())


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _lines(file: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    lines = ((f"line {number}", line) for number, line in enumerate(file, 1) if line.strip())
    first = list(islice(lines, 2))
    if len(first) == 1 and _is_columns(table := _parsed(first[0][1], first[0][0])):
        yield from _columns(table)
        return
    for place, line in chain(first, lines):
        yield place, _object(_parsed(line, place), place)


def _listed(values: list[object]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, value in enumerate(values, 1):
        yield f"object {number}", _object(value, f"object {number}")


def _one_after_the_other(content: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Objects that take several lines each; or a single one, whose values are columns."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    values, end = [], 0
    while rest := content[end:].lstrip():
        try:
            value, length = decoder.raw_decode(rest)
        except RecursionError:
            raise ValueError("it is nested too deep") from None
        values.append(value)
        end = len(content) - len(rest) + length
    if len(values) == 1 and _is_columns(values[0]):
        yield from _columns(values[0])
    else:
        yield from _listed(values)


def _is_columns(value: object) -> bool:
    """Return whether an object is a table by columns, as pandas writes it: lists, or objects by row, of one length."""
    if not isinstance(value, dict) or not value:
        return False
    of_columns = all(isinstance(column, list | dict) for column in value.values())
    return of_columns and len({len(column) for column in value.values()}) == 1


def _columns(table: dict[str, object]) -> Iterator[tuple[str, dict[str, Any]]]:
    columns = [column.values() if isinstance(column, dict) else column for column in table.values()]
    for number, values in enumerate(zip(*columns, strict=True), 1):
        yield f"row {number}", dict(zip(table, values, strict=True))


def _object(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is not an object with columns")
    return value


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError(f"{place} is nested too deep") from None
    except ValueError as error:
        raise ValueError(f"{place} is not JSON: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a value")
