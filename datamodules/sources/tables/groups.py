"""A column that says which rows of tables belong together, such as those of one patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from datamodules.sources.stored_items import keep_rows
from datamodules.sources.tables.chosen import Chosen
from datamodules.sources.tables.columns import NoColumnError, find_column
from datamodules.sources.tables.files import Table, unreadable
from datamodules.sources.tables.labels import plain_labels


def read_groups(
    splits: Mapping[str, Sequence[Chosen]], column: str, notes: list[str], cache: bool
) -> dict[str, np.ndarray]:
    """The group of each row by split, int64 (n,): the same number for the same value, in all splits.

    Blanks around a value do not count; a row without one has a number of its own. A split that the data brings may
    lack the column, which is noted.

    Raises:
        ValueError: the training tables lack the column.
    """
    numbers: dict[str, int] = {}
    groups: dict[str, np.ndarray] = {}
    for split, chosen in splits.items():
        try:
            places = [_place(table, column) for table, _, _ in chosen]
        except NoColumnError as error:
            if split == "train":
                raise
            notes.append(f"{split} has no {column} column, so whether its groups stand in train is unknown ({error})")
            continue
        rows = chain.from_iterable(_rows(table, place) for (table, _, _), place in zip(chosen, places, strict=True))
        settings = ("groups", [(table.settings, place) for (table, _, _), place in zip(chosen, places, strict=True)])
        files = [table.path for table, _, _ in chosen]
        values = plain_labels(keep_rows(rows, [], files, settings, "text", Path(), cache).labels)
        named = np.array([*(numbers.setdefault(value, len(numbers)) for value in values.values), -1], np.int64)
        groups[split] = named[values.codes]
    return _numbered(groups, len(numbers))


def _place(table: Table, column: str) -> int:
    (place,), _ = find_column("data.group_column", (column,), table.columns, table.path)
    return place


def _rows(table: Table, place: int) -> Iterator[tuple[None, str | None]]:
    """No item and, in the place of the label, the group of each row."""
    try:
        for (value,) in table.rows([place]):
            yield None, None if value is None else str(value)
    except Exception as error:  # parsers raise anything for bytes that somebody made up
        raise unreadable(table.path, error) from error


def _numbered(groups: dict[str, np.ndarray], first: int) -> dict[str, np.ndarray]:
    """The same, with numbers from ``first`` on for the rows that have none."""
    for split, numbers in groups.items():
        alone = numbers < 0
        groups[split] = np.where(alone, first + np.cumsum(alone) - 1, numbers)
        first += int(alone.sum())
    return groups
