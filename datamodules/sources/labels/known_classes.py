"""Data for a model that exists already: classes are matched by name, and labels count them as the model does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from unicodedata import normalize

import numpy as np

from datamodules.sources.source import Source

SHOWN_CLASSES = 10


def same_classes(found: Sequence[str], known: Sequence[str]) -> bool:
    """Return whether these are the same names, in whatever order."""
    return len(found) == len(known) and set(_places(found, known)) == set(range(len(known)))


def in_known_order(source: Source, known: Sequence[str]) -> Source:
    """The same data with labels that count the classes in the order of ``known``.

    Raises:
        ValueError: it has other classes.
    """
    if not same_classes(source.class_names, known):
        raise ValueError(f"{_difference(source.class_names, known)} ({source.origin})")
    places = np.array(_places(source.class_names, known), dtype=np.int64)
    splits = {split: replace(examples, labels=places[examples.labels]) for split, examples in source.splits.items()}
    return replace(source, class_names=list(known), splits=splits)


def places_among(found: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """int64 (len(found),): where each class stands among the known ones; -1 for one that is not known."""
    return np.array([-1 if place is None else place for place in _places(found, known)], dtype=np.int64)


def _places(found: Sequence[str], known: Sequence[str]) -> list[int | None]:
    """Find the place of each class among the known ones.

    A name that one file system writes with a letter and an accent, and another as one character, is the same name.
    """
    places = {normalize("NFC", name): place for place, name in enumerate(known)}
    places |= {name: place for place, name in enumerate(known)}
    return [places.get(name, places.get(normalize("NFC", name))) for name in found]


def _difference(found: Sequence[str], known: Sequence[str]) -> str:
    """Compare two sets of classes in words: how many there are, or which if few, and those that only one side has."""
    few = max(len(found), len(known)) <= SHOWN_CLASSES
    here, there = (", ".join(names) if few else f"{len(names)} classes" for names in (found, known))
    differing = {
        "New": [name for name, place in zip(found, _places(found, known), strict=True) if place is None],
        "Missing": [name for name, place in zip(known, _places(known, found), strict=True) if place is None],
    }
    named = (f" {title}: {_first(names)}." for title, names in differing.items() if names)
    return f"the model knows {there}; the data has {here}.{''.join(named)}"


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_CLASSES} more" if len(names) > SHOWN_CLASSES else ""
    return ", ".join(names[:SHOWN_CLASSES]) + more
