"""Data that may come from tables: which columns hold it, and how delimited files are read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from datamodules.sources.hub_tables import PREFIX, names_hub, pin
from datamodules.sources.labels.classes import Classes
from datamodules.sources.labels.labels import Labels
from datamodules.sources.labels.nothing import Nothing
from datamodules.sources.labels.values import Values
from datamodules.sources.source import Source
from datamodules.sources.tables.columns import Column
from datamodules.sources.tables.delimited import DelimitedFormat
from datamodules.sources.tables.labelled_items import load_table
from datamodules.split_data import SplitData


class TableData(SplitData):
    """Labelled items from Parquet, CSV or JSON, among others.

    What is not given of a delimited file is recognised, and said where it is not the usual.

    Args:
        delimiter: what separates the fields of a CSV file: one character, or ``tab``.
        encoding: of a CSV or JSON file, such as utf-8, cp1252 or gb18030.
        header: whether the first line of a CSV file names the columns; without, they are called 1, 2, …
        quotes: whether quotes in a CSV file enclose a field, or are part of it.
        group_column: column that says what belongs together, such as a patient or an author: rows with the same value
            are never on two sides of a cut. A row without one is on its own.
        label_column: column that holds the labels; ``label`` and its common synonyms when unset.
        numbers_are_classes: whether labels that are many different numbers are classes all the same.
    """

    class_columns: ClassVar[tuple[str, ...]]  # what a label column with classes is usually called

    def __init__(
        self,
        delimiter: str | None = None,
        encoding: str | None = None,
        header: bool | None = None,
        quotes: bool | None = None,
        group_column: str | None = None,
        label_column: str | None = None,
        numbers_are_classes: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.labels = self._classes = Classes(numbers_are_classes)
        self._label_columns: Sequence[Column] = (label_column,) if label_column else ()
        self.delimited = DelimitedFormat(delimiter, encoding, header, quotes)
        self.group_column = group_column

    def follow(self, target: str) -> None:
        of_target: dict[str, Labels] = {"class": self._classes, "value": Values(), "nothing": Nothing()}
        self.labels = of_target.get(target, self.labels)
        super().follow(target)

    @property
    def label_columns(self) -> Sequence[Column]:
        """The columns that may hold the labels; the first that a table has does. None where no labels are used."""
        usual = self.labels.columns(self.class_columns)
        return self._label_columns if self._label_columns and usual else usual

    @label_columns.setter
    def label_columns(self, columns: Sequence[Column]) -> None:
        self._label_columns = columns

    @property
    @abstractmethod
    def item_columns(self) -> Sequence[Column]:
        """The columns that may hold the items; the first that a table has does."""

    def load_hub(self) -> Source:
        return self.load_tables(self.hub_name)

    def load_tables(self, location: str | Path) -> Source:
        """The labelled items of a table, a folder of tables, or a hub data set."""
        columns = self.item_columns, self.label_columns
        return load_table(
            location, self.kind, *columns, self.delimited, self.cache, self.group_column, labels=self.labels
        )

    @cached_property
    def found(self) -> Source:
        on_hub = pin(self.source).removeprefix(PREFIX) if names_hub(self.source) else None
        found = super().found if on_hub is None else self.load_tables(on_hub)
        if self.group_column is not None and found.splits["train"].groups is None:
            raise ValueError(f"data.group_column={self.group_column!r} is for tables, and {found.origin} is none")
        return found
