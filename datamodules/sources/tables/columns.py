"""Finding the needed columns of a table, and joining texts that stand in several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datamodules.sources.source import first_few

Column = str | tuple[str, ...]  # a name, or several whose texts are joined
SEPARATOR = "\n\n"
SHOWN_COLUMNS = 20


class NoColumnError(ValueError):
    """A table lacks a column; ``lacks`` says so in few words."""

    def __init__(self, message: str, lacks: str = "") -> None:
        super().__init__(message)
        self.lacks = lacks


def join_texts(cells: Sequence[str | None]) -> str | None:
    """The text of a row: a single cell as it stands, of several those that are not empty with a blank line between.

    None where no cell is there, as in a row that ends early.
    """
    there = [cell for cell in cells if cell is not None]
    if len(cells) == 1 or not there:
        return next(iter(there), None)
    return SEPARATOR.join(cell for cell in there if cell.strip())


def column_names(column: Column) -> tuple[str, ...]:
    """The names of a column, of which it has several where several columns are one text together."""
    return (column,) if isinstance(column, str) else column


def as_columns(given: str | Sequence[str | int] | None, usual: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns that an option names, or the usual ones; a list of several are one text together."""
    if given is None or given == []:
        return usual
    return (given,) if isinstance(given, str) else (tuple(map(str, given)),)


def find_column(key: str, wanted: Sequence[Column], columns: Sequence[str], path: Path) -> tuple[list[int], str]:
    """The places of the first wanted column that a table has, and a sentence where it has more than one of them.

    Args:
        key: the option that names the column, such as data.text_column.
        wanted: names in any case, or numbers from 1 on. The first is the plain one; the others are synonyms.
        columns: those that the table has.

    Raises:
        NoColumnError: it has none of them.
        ValueError: several that may be meant.
    """
    found = {column: places for column in wanted if (places := _places_of(key, column, columns, path)) is not None}
    if not found:
        named = " or ".join(" and ".join(column_names(column)) for column in wanted)
        message = f"no {named} column in {path}: it has {first_few(columns, SHOWN_COLUMNS)}; name one with --{key}"
        raise NoColumnError(message, f"no {key.removeprefix('data.').removesuffix('_column')} column")
    names = [columns[places[0]] for places in found.values()]
    if len(found) > 1 and wanted[0] not in found:
        raise ValueError(f"the columns {' and '.join(names)} of {path} may each be meant: say which with --{key}")
    others = f"{key} is {names[0]}, not {' or '.join(names[1:])}" if len(found) > 1 else ""
    return next(iter(found.values())), others


def _places_of(key: str, column: Column, columns: Sequence[str], path: Path) -> list[int] | None:
    places = [_place_of(key, name, columns, path) for name in column_names(column)]
    return None if None in places else [place for place in places if place is not None]


def _place_of(key: str, name: str, columns: Sequence[str], path: Path) -> int | None:
    same = [place for place, column in enumerate(columns) if column == name]
    same = same or [place for place, column in enumerate(columns) if column.lower() == name.lower()]
    if len(same) > 1:
        numbers = " or ".join(f"--{key}={place + 1}" for place in same)
        raise ValueError(f"{path} has {len(same)} columns called {columns[same[0]]}: say which with {numbers}")
    if not same and name.isdecimal() and 1 <= int(name) <= len(columns):
        return int(name) - 1
    return next(iter(same), None)
