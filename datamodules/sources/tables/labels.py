"""From the labels in tables to classes: their names, their order, and what to say of odd ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from unicodedata import normalize

import numpy as np

from datamodules.sources.source import first_few
from datamodules.sources.stored_items import StoredLabels

LONGEST_NAME = 1000
SHOWN_NAMES = 5
INTEGER = re.compile(r"-?(0|[1-9]\d*)")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
FRACTION = re.compile(r"-?\d+\.\d*[1-9]\d*|-?\d.*[eE]-\d+")
NO_LABEL = "-1"  # where the labels are integers, what some benchmarks write for those that they keep secret


def plain_labels(labels: StoredLabels) -> StoredLabels:
    """Make class names of labels: without blanks around them, in one Unicode form; an empty label is none."""
    names: dict[str, int] = {}
    places = [names.setdefault(name, len(names)) if (name := plain_name(v)) else -1 for v in labels.values]
    return StoredLabels(list(names), np.array([*places, -1], np.int32)[labels.codes])


def plain_name(label: str) -> str:
    """A class name without blanks around it, in the form in which one letter is one character."""
    return normalize("NFC", label.strip())


def is_unlabelled(labels: StoredLabels, trained: Collection[str]) -> bool:
    """Return whether a split has no labels, or -1 for all, which no training item has."""
    there = labels.of(np.ones(len(labels.codes), dtype=bool))
    return not there or (there == {NO_LABEL} and NO_LABEL not in trained)


def class_order(names: Iterable[str]) -> list[str]:
    """Sort class names: by number if all are integers as one writes them, by letter otherwise.

    Raises:
        ValueError: they are measurements or texts rather than names.
    """
    ordered = sorted(names)
    if all(map(NUMBER.fullmatch, ordered)) and any(map(FRACTION.fullmatch, ordered)):
        raise ValueError("holds fractions: labels must be integers or strings; for values give a Regressor as --model")
    if long := next((name for name in ordered if len(name) > LONGEST_NAME), None):
        raise ValueError(f"holds a text of {len(long):,} characters: labels must be integers or strings")
    if all(map(INTEGER.fullmatch, ordered)):
        ordered.sort(key=int)
    return ordered


def label_notes(found: Iterable[str], names: Sequence[str]) -> list[str]:
    """Notes on labels that were written in several ways.

    Args:
        found: as they are written.
        names: of the classes.
    """
    found = sorted(found)
    trimmed = [value for value in found if value != value.strip() and value.strip()]
    recomposed = [value for value in found if value.strip() != plain_name(value)]
    changes = {
        "blanks around labels are left out": trimmed,
        "letters of labels are put together with their accents": recomposed,
    }
    notes = [f"{said}, as of {first_few([*map(repr, of)], SHOWN_NAMES)}" for said, of in changes.items() if of]
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    notes += [
        f"{' and '.join(same)} differ in case only: they are {len(same)} classes" for same in alike.values() if same[1:]
    ]
    return notes
