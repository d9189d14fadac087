"""Labels that are classes: names, of which each item has one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from datamodules.sources.labels.labels import LabelColumn, Labelled, Labels
from datamodules.sources.source import Source, first_few
from datamodules.sources.splits import check_classes
from datamodules.sources.stored_items import StoredLabels
from datamodules.sources.tables.labels import INTEGER, class_order, is_unlabelled, label_notes, plain_labels, plain_name

SHOWN_CLASSES = 10
MOST_NUMBERS = 20  # of classes that are numbers: with more, these may well be values
SHOWN_NUMBERS = 5
FOR_VALUES = "for values on a scale give a Regressor as --model (docs/tasks.md, own data)"


class Classes(Labels):
    """Names, as int64: the places of the classes.

    Args:
        numbers: whether labels that are many different numbers are classes; when False, that is asked.
    """

    target = "class"
    empty = "empty or -1"

    def __init__(self, numbers: bool = False) -> None:
        self.numbers = numbers

    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        return classes

    def read(self, column: LabelColumn, notes: list[str]) -> Labelled:
        labels = {split: plain_labels(stored.labels) for split, stored in column.splits.items()}
        there = labels["train"].of(column.splits["train"].items.present)
        class_names = self._names(column, there, notes)
        notes += label_notes(
            {value for stored in column.splits.values() for value in stored.labels.values}, class_names
        )
        if without := sorted(set(labels["train"].values) - set(class_names)):
            notes.append(f"no training item has {column.item} and the label {' or '.join(without)}, which is no class")
        found = {}
        for split, stored in column.splits.items():
            if split != "train" and is_unlabelled(labels[split], there):
                continue
            if new := labels[split].of(stored.items.present) - set(class_names):
                raise ValueError(
                    f"the {split} split has {column.name}={min(new)!r}, which is not among the training labels"
                )
            found[split] = _class_indices(labels[split], class_names)
        return Labelled(class_names, found)

    def _names(self, column: LabelColumn, there: set[str], notes: list[str]) -> list[str]:
        if column.declared:
            return list(dict.fromkeys(map(plain_name, column.declared)))
        try:
            names = class_order(there)
        except ValueError as error:
            raise ValueError(f"column {column.name!r} {error}") from error
        if not self.numbers and all(map(INTEGER.fullmatch, names)):
            self._look_at_numbers(column.name, names, notes)
        return names

    def _look_at_numbers(self, column: str, names: Sequence[str], notes: list[str]) -> None:
        """Ask whether many numbers are classes, and say that fewer are taken for these; 0, 1, 2 … often are."""
        few = first_few(names, SHOWN_NUMBERS)
        if len(names) > MOST_NUMBERS:
            raise ValueError(
                f"column {column!r} holds {len(names):,} different numbers ({few}): which is meant, classes or values? "
                f"For classes give --data.numbers_are_classes=true, {FOR_VALUES}"
            )
        if len(names) > 2 and names != [str(n) for n in range(len(names))]:
            notes.append(f"the numbers in {column} ({few}) are taken for classes; {FOR_VALUES}")

    def why_none(self, text: str | None, column: str) -> str:
        return f"no {column}"

    def check(self, source: Source) -> None:
        check_classes(source)

    def line(self, source: Source) -> str:
        return class_list(source.class_names)

    def record(self, source: Source) -> dict[str, Any]:
        return {"classes": source.class_names}


def class_list(names: Sequence[str]) -> str:
    """Say how many classes there are, and name the first."""
    return f"{len(names)} classes: {first_few([*map(_told_apart, names)], SHOWN_CLASSES)}"


def _told_apart(name: str) -> str:
    """A name in quotes where it would not be seen for one in a list: "a, b", "" or " x"."""
    plain = name == name.strip() and name not in ("", "…") and not set(name) & set(',"')
    return name if plain else json.dumps(name, ensure_ascii=False)


def _class_indices(labels: StoredLabels, class_names: list[str]) -> np.ndarray:
    """int64 (n,), -1 for a row without a label, or with one that is no class."""
    places = {name: place for place, name in enumerate(class_names)}
    return np.array([*(places.get(name, -1) for name in labels.values), -1], np.int64)[labels.codes]
