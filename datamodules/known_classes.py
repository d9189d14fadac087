"""Data for a model that exists already: classes are matched by name, and labels count them as the model does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from unicodedata import normalize

import numpy as np

from datamodules.sources import Source

SHOWN_CLASSES = 10


def same_classes(found: Sequence[str], known: Sequence[str]) -> bool:
    """Whether these are the same names, in whatever order."""
    return len(found) == len(known) and set(_places(found, known)) == set(range(len(known)))


def in_known_order(source: Source, known: Sequence[str]) -> Source:
    """The same data with labels that count the classes in the order of ``known``.

    Raises:
        ValueError: it has other classes.
    """
    if not same_classes(source.class_names, known):
        raise ValueError(
            f"the model knows {_listed(known, source.class_names)}; "
            f"the data has {_listed(source.class_names, known)} ({source.origin})"
        )
    places = np.array(_places(source.class_names, known), dtype=np.int64)
    splits = {split: replace(examples, labels=places[examples.labels]) for split, examples in source.splits.items()}
    return replace(source, class_names=list(known), splits=splits)


def places_among(found: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """int64 (len(found),): where each class stands among the known ones; -1 for one that is not known."""
    return np.array([-1 if place is None else place for place in _places(found, known)], dtype=np.int64)


def _places(found: Sequence[str], known: Sequence[str]) -> list[int | None]:
    """Where each class that was found stands among the known ones.

    A name that one file system writes with a letter and an accent, and another as one character, is the same name.
    """
    places = {normalize("NFC", name): place for place, name in enumerate(known)}
    places |= {name: place for place, name in enumerate(known)}
    return [places.get(name, places.get(normalize("NFC", name))) for name in found]


def _listed(names: Sequence[str], others: Sequence[str]) -> str:
    """The names; of many, how many there are and the first, beginning with those that the others lack."""
    if len(names) <= SHOWN_CLASSES:
        return ", ".join(names)
    telling = sorted(names, key=set(others).__contains__)
    return f"{len(names)} classes: {', '.join(telling[:SHOWN_CLASSES])}, …"
