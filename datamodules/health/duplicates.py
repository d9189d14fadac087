"""Copies of an item: found by content, counted, and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.health.contents import Contents
from datamodules.sources.source import Source

SHOWN_CHARACTERS = 40


def find_copies(contents: Mapping[str, Contents]) -> dict[str, np.ndarray]:
    """Number the items of each split, int64 (n,): copies share a number, across all splits, and no others do."""
    together = np.concatenate([part.copies for part in contents.values()])
    _, first, numbers = np.unique(together, return_index=True, return_inverse=True)
    empty = np.flatnonzero(together == 0)
    numbers = first[numbers.reshape(-1)]
    numbers[empty] = empty
    ends = np.cumsum([len(part.copies) for part in contents.values()])
    return dict(zip(contents, np.split(numbers, ends[:-1]), strict=True))


def note_copies(source: Source, copies: Mapping[str, np.ndarray], noun: str) -> Source:
    """Note in a source which items have copies, and which copies have different labels.

    Args:
        copies: what `find_copies` found.
        noun: what items are called, such as "texts".
    """
    groups = {split: np.unique(e.groups) for split, e in source.splits.items() if e.groups is not None}
    said = [*_repeated(copies["train"], noun), *_shared(copies, noun), *_contradictions(source, copies, noun)]
    return replace(source, notes=[*source.notes, *said, *_shared(groups, "groups")])


def _repeated(copies: np.ndarray, noun: str) -> list[str]:
    count = len(copies) - len(np.unique(copies))
    if not count:
        return []
    if count == 1:
        return [f"1 of the {len(copies):,} training {noun} is a copy of another one"]
    return [f"{count:,} of the {len(copies):,} training {noun} are copies of another one"]


def _that_stand(count: int, noun: str, which: str = "") -> str:
    """Count items in words, such as "2 texts stand" or "1 text of the test split also stands"."""
    words = [f"{count:,}", noun, which, "stand"]
    if count == 1:
        words = ["1", noun.removesuffix("s"), which, "stands"]
    return " ".join(filter(None, words))


def _shared(numbers: Mapping[str, np.ndarray], noun: str) -> list[str]:
    """List the items that stand in two splits of the data as it came."""
    pairs = [("test", "train"), ("val", "train"), ("test", "val")]
    present = [pair for pair in pairs if set(pair) <= numbers.keys()]
    counts = {(one, other): np.isin(numbers[one], numbers[other]).sum() for one, other in present}
    left = "splits that the data brings are left as they are"
    return [
        f"{_that_stand(count, noun, f'of the {one} split also')} in {other} ({left})"
        for (one, other), count in counts.items()
        if count
    ]


def _contradictions(source: Source, copies: Mapping[str, np.ndarray], noun: str) -> list[str]:
    numbers = np.concatenate(list(copies.values()))
    labels = np.concatenate([source.splits[split].labels for split in copies])
    different, places = np.unique(labels, return_inverse=True)
    labelled = np.unique(numbers * len(different) + places.reshape(-1))
    items, counts = np.unique(labelled // len(different), return_counts=True)
    if not (count := (counts > 1).sum()):
        return []
    example = items[counts > 1][0]
    names = [source.written(label) for label in np.unique(labels[numbers == example]).tolist()]
    return [
        f"{_that_stand(count, noun)} there with different labels, such as {_shown(source, copies, example)} "
        f"({', '.join(names)})"
    ]


def _shown(source: Source, copies: Mapping[str, np.ndarray], number: int) -> str:
    """Name the item with a number, so that a person can find it."""
    split = next(split for split, numbers in copies.items() if number in numbers)
    position = int(np.flatnonzero(copies[split] == number)[0])
    item: Any = source.splits[split].items[position]
    if isinstance(item, Path):
        return str(item)
    if not isinstance(item, str):
        return f"{split} row {position}"
    text = " ".join(item.split())
    return f'"{text[:SHOWN_CHARACTERS]}…"' if len(text) > SHOWN_CHARACTERS else f'"{text}"'
