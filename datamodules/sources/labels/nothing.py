"""Items that nothing stands beside, for tasks that learn from the items alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from datamodules.sources.labels.labels import LabelColumn, Labelled, Labels
from datamodules.sources.source import Source


class Nothing(Labels):
    """No labels: zeros stand in their place, so that cuts and choices take all items for one kind."""

    target = "nothing"
    empty = "nothing"

    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        return ()

    def read(self, column: LabelColumn, notes: list[str]) -> Labelled:
        return Labelled([], {split: no_labels(len(stored.items)) for split, stored in column.splits.items()})

    def why_none(self, text: str | None, column: str) -> str:
        raise AssertionError("an item without a label is as good as any other")

    def check(self, source: Source) -> None:
        for split, examples in source.splits.items():
            if not len(examples):
                raise ValueError(f"{source.origin} holds no {split} items")

    def line(self, source: Source) -> str:
        return "no labels are used"

    def record(self, source: Source) -> dict[str, Any]:
        return {}


def no_labels(count: int) -> np.ndarray:
    """Make zeros in the place of labels, int64 (count,)."""
    return np.zeros(count, np.int64)


def without_labels(source: Source) -> Source:
    """Take the labels away from items."""
    splits = {split: replace(found, labels=no_labels(len(found))) for split, found in source.splits.items()}
    return replace(source, class_names=[], splits=splits)
