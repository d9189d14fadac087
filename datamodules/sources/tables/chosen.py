"""Choosing the tables of a split that have the needed columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from datamodules.sources.source import first_few
from datamodules.sources.tables.columns import Column, NoColumnError, column_names, find_column
from datamodules.sources.tables.delimited import DelimitedFormat, DelimitedTable
from datamodules.sources.tables.files import Table, open_table

SHOWN_FILES = 4
# What a column may hold that is to be these.
USABLE = {"text": ("texts",), "image": ("images", "texts"), "label": ("texts", "numbers")}


class Wanted(NamedTuple):
    """The wanted columns: items of a kind and labels, each in the first of these columns that a table has.

    Without label columns, no labels are wanted.
    """

    kind: str
    item_columns: Sequence[Column]
    label_columns: Sequence[Column]
    given: DelimitedFormat

    def find(self, table: Table, what: str) -> tuple[list[int], str]:
        """The places of the columns for text, image or label in a table, and what to say of the choice."""
        wanted = self.label_columns if what == "label" else self.item_columns
        places, note = find_column(f"data.{what}_column", wanted, table.columns, table.path)
        for place in places:
            if (holds := table.holds(place)) not in USABLE[what]:
                fits = ": labels must be integers or strings" if what == "label" else f", not {what}s: name another"
                raise ValueError(f"column {table.columns[place]!r} holds {holds}{fits} ({table.path})")
        return places, note


class Chosen(NamedTuple):
    """A table and the places of its needed columns; of the label's, None where no labels are needed."""

    table: Table
    items: list[int]
    label: int | None

    @property
    def declared(self) -> list[str] | None:
        """The class names that it brings, in the order that it gives them."""
        return None if self.label is None else self.table.declared(self.label)

    @property
    def label_name(self) -> str:
        """The name of the label column; empty without one."""
        return "" if self.label is None else self.table.columns[self.label]


def choose_tables(
    split: str, files: Sequence[Path], wanted: Wanted, notes: list[str], ignored: list[tuple[str, str]]
) -> list[Chosen]:
    """The tables of a split that have the needed columns; why the others are left out goes to ``ignored``.

    Raises:
        ValueError: none of those to train on has them.
    """
    chosen: list[Chosen] = []
    lacking: list[tuple[str, str]] = []
    problem: NoColumnError | None = None
    for file in files:
        table = open_table(file, wanted.given, _groups(wanted))
        try:
            items, items_note = wanted.find(table, wanted.kind)
            label, label_note = wanted.find(table, "label") if wanted.label_columns else ([None], "")
        except NoColumnError as error:
            problem = problem or NoColumnError(f"{error}{_header_hint(table, wanted)}")
            lacking.append((str(file), error.lacks))
            continue
        chosen.append(Chosen(table, items, label[0]))
        notes += [f"{file.name}: {note}" for note in (items_note, label_note) if note]
    if problem and split == "train" and not chosen:
        raise problem
    ignored += lacking
    if not chosen:
        notes.append(f"no {split} split: {' and '.join(f'{Path(file).name} has {lacks}' for file, lacks in lacking)}")
    elif len(files) > 1 and len(chosen) > 1:
        names = [table.path.name for table, _, _ in chosen]
        notes.append(f"{split} is read from {len(chosen)} files: {first_few(names, SHOWN_FILES)}")
    return chosen


def _groups(wanted: Wanted) -> list[list[str]]:
    """The names of the needed columns, those of items and those of labels."""
    groups = (wanted.item_columns, wanted.label_columns)
    return [list(chain.from_iterable(map(column_names, columns))) for columns in groups if columns]


def _header_hint(table: Table, wanted: Wanted) -> str:
    """Advice for a file that has none of the columns."""
    names = {name.lower() for name in chain(*_groups(wanted))}
    unknown = names.isdisjoint(column.lower() for column in table.columns)
    if not (isinstance(table, DelimitedTable) and table.given.header is None and unknown):
        return ""
    return "; if its first line is data already, --data.header=false calls the columns 1, 2, …"
