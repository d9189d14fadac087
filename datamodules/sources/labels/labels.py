"""Labels of items, such as a class or a value: reading, checking and describing them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from datamodules.sources.source import Source
from datamodules.sources.stored_items import Stored


class LabelColumn(NamedTuple):
    """The label column of a table, as it was read.

    Attributes:
        name: of the column.
        item: name of the column that holds the items.
        declared: the class names that the table brings, in its order.
        splits: the rows of each split; ``train`` is among them.
    """

    name: str
    item: str
    declared: list[str] | None
    splits: Mapping[str, Stored]


class Labelled(NamedTuple):
    """The labels that a column holds.

    Attributes:
        class_names: in the order of the labels; empty where labels are no classes.
        labels: by split, without those that have none: int64 (n,) with -1 for a row without a class, or float32 (n,)
            with NaN for one without a value.
    """

    class_names: list[str]
    labels: dict[str, np.ndarray]


class Labels(ABC):
    """A kind of label: classes, values.

    Attributes:
        target: its name, as in ``Task.target``.
        empty: what the labels are of a split that has none.
    """

    target: ClassVar[str]
    empty: ClassVar[str]

    @abstractmethod
    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """The usual names of a label column, the plainest first.

        Args:
            classes: what one of classes is called.
        """

    @abstractmethod
    def read(self, column: LabelColumn, notes: list[str]) -> Labelled:
        """Read a label column; what a person should know of it is added to ``notes``.

        Raises:
            ValueError: it holds something else.
        """

    def missing(self, labels: np.ndarray) -> np.ndarray:
        """Mark the labels, as ``read`` returns them, that are missing: bool (n,)."""
        return np.isnan(labels) if np.issubdtype(labels.dtype, np.floating) else labels < 0

    @abstractmethod
    def why_none(self, text: str | None, column: str) -> str:
        """Say why a row with this text in its label column has no label."""

    @abstractmethod
    def check(self, source: Source) -> None:
        """Refuse data that nothing can be learnt from.

        Raises:
            ValueError: saying why.
        """

    @abstractmethod
    def line(self, source: Source) -> str:
        """Describe the labels in a few words."""

    @abstractmethod
    def record(self, source: Source) -> dict[str, Any]:
        """Describe the labels for results.json."""
