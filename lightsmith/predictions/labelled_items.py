"""Labelled items to evaluate a model on: a whole source or one of its splits, with the labels that the model counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datamodules.sources.item_names import item_name
from datamodules.sources.labels.classes import class_list
from datamodules.sources.labels.known_classes import places_among
from datamodules.sources.source import Examples, Source, first_few
from lightning_modules.training.answer import Answer, ClassProbabilities

ALL = "all"
SHOWN_NAMES = 10


@dataclass(frozen=True)
class LabelledItems:
    """Iterates over (name, item); ``labels``, (N,), count classes as the model does, or are values."""

    source: Source
    split: str
    splits: dict[str, Examples]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for split, examples in self.splits.items():
            rows = getattr(examples.items, "positions", range(len(examples)))  # of a table, those that were kept
            for row, item in zip(rows, examples.items, strict=True):
                yield item_name(item, split, row), item

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """The source's items that were left out when it was read: (item, reason) for each."""
        return self.source.skipped

    @property
    def ignored(self) -> list[tuple[str, str]]:
        return self.source.ignored

    def lines(self, answer: Answer) -> list[str]:
        """Describe what the model is evaluated on."""
        below = [f"{self.split} {len(self):,}"]
        if isinstance(answer, ClassProbabilities):
            below = self._class_lines(answer.class_names)
        below += self.source.notes
        for title, found in (("skipped", self.skipped), ("not used", self.ignored)):
            if found:
                item, reason = found[0]
                below.append(f"{title}: {len(found):,}, such as {item} ({reason}); all in results.json")
        return [f"data       {self.source.origin}", *(f"           {line}" for line in below)]

    def _class_lines(self, class_names: Sequence[str]) -> list[str]:
        present = np.unique(self.labels)
        absent = [name for place, name in enumerate(class_names) if place not in present]
        lines = [f"{self.split} {len(self):,} · {class_list([class_names[place] for place in present])}"]
        if absent:
            lines.append(f"no items of {len(absent)} classes that the model knows: {first_few(absent, SHOWN_NAMES)}")
        return lines


def choose_items(source: Source, split: str | None, answer: Answer) -> LabelledItems:
    """All items of a source, or those of one of its splits.

    Raises:
        ValueError: it has several splits and none is chosen, not the chosen one, or classes that the model lacks.
    """
    sizes = ", ".join(f"{name} {len(examples):,}" for name, examples in source.splits.items())
    if split is None and len(source.splits) > 1:
        choices = " or ".join(f"--split={name}" for name in (*source.splits, ALL))
        raise ValueError(f"{source.origin} has several splits ({sizes}): say which with {choices}")
    if split not in (None, ALL, *source.splits):
        raise ValueError(f"--split={split}: {source.origin} has {sizes}")
    taken = {name: examples for name, examples in source.splits.items() if split in (None, ALL, name)}
    found = np.concatenate([examples.labels for examples in taken.values()])
    if not len(found):
        raise ValueError(f"{source.origin} holds no items")
    labels = _as_known(source, found, answer.class_names) if isinstance(answer, ClassProbabilities) else found
    return LabelledItems(source, split or ALL, taken, labels)


def _as_known(source: Source, labels: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Labels int64 (N,) as places among the classes that a model knows.

    Raises:
        ValueError: there are others.
    """
    there = [source.class_names[label] for label in np.unique(labels)]
    new = [name for name, place in zip(there, places_among(there, class_names), strict=True) if place < 0]
    if new:
        named = first_few(new, SHOWN_NAMES)
        raise ValueError(f"That model knows {len(class_names):,} classes; this data has {len(there):,}. New: {named}.")
    return places_among(source.class_names, class_names)[labels]
