"""Cross-validation: items divided into folds, each of which is the test split of one run."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from datamodules.sources.group_cut import groups_of_class
from datamodules.sources.joined_items import join_examples
from datamodules.sources.source import Source
from datamodules.sources.splits import cut_missing_splits, strata, together

QUANTILES = 10  # strata that values are divided into


class Fold(NamedTuple):
    """The fold that is held out, counted from 1, and how many there are."""

    number: int
    total: int

    @classmethod
    def read(cls, text: str) -> Fold:
        """The fold that ``2/5`` means.

        Raises:
            ValueError: it means none.
        """
        number, _, count = text.partition("/")
        fold = cls(int(number), int(count)) if number.isdecimal() and count.isdecimal() else cls(0, 0)
        if not (1 <= fold.number <= fold.total and fold.total >= 2):
            raise ValueError(f"data.fold={text!r} must be a fold and their number, such as 2/5")
        return fold


def pooled(source: Source) -> Source:
    """The data of which folds are made: training and validation items together, without an official test split."""
    mine = {split: examples for split, examples in source.splits.items() if split != "test"}
    notes = list(source.notes)
    if "test" in source.splits:
        notes.append(f"The test split of {len(source.splits['test']):,} has no part in cross-validation")
    return replace(source, splits={"train": join_examples(mine)}, notes=notes)


def cut_fold(
    source: Source, fold: Fold, val_fraction: float, seed: int, copies: np.ndarray | None, noun: str
) -> Source:
    """Hold one fold out as the test split, and cut a validation split from what is left.

    Folds are of about the same size, and of the same share of each class, or of low and high values. Copies of an item,
    and items of one group, are in one fold.

    Args:
        source: as ``pooled`` makes it.
        val_fraction: share of what is left that goes to the validation split.
        seed: of the division, the same for all folds, and of the cut.
        copies: int64 (n,), the same number for items with the same content.
        noun: what items are called, such as "texts".

    Raises:
        ValueError: a class, or the data, has too few items or groups for so many folds.
    """
    pool = source.splits["train"]
    groups = together(pool, copies)
    _check_enough(source, groups, fold.total, noun)
    labels = _levels(pool.labels)
    inside = np.arange(len(pool)) if groups is None else groups
    folds = divide(labels, inside, fold.total, seed)
    held, left = (np.flatnonzero((folds == fold.number - 1) == is_held) for is_held in (True, False))
    splits = {"train": pool.take(left), "test": pool.take(held)}
    notes = [*source.notes, f"Fold {fold.number} of {fold.total} is the test split (seed {seed})"]
    rest = None if copies is None else copies[left]
    cut = cut_missing_splits(replace(source, splits=splits, notes=notes), val_fraction, 0.5, seed, rest, noun=noun)
    rows = {split: left[places] for split, places in cut.rows.items()}
    return replace(cut, rows={**rows, "test": held})


def divide(labels: np.ndarray, groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold of each item, int64 (n,), from 0.

    Groups are kept whole, the largest first, each where its classes have fewest items. Those that are alone then even
    the folds out, to within one item of each class if they can.

    Args:
        labels: int64 (n,), the strata.
        groups: int64 (n,), the same number for items that stay together.
        count: of the folds.
    """
    classes = np.unique(labels, return_inverse=True)[1].reshape(-1)
    _, groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    alone = sizes[groups.reshape(-1)] == 1
    rng = np.random.default_rng(seed)
    folds = np.empty(len(labels), np.int64)
    filled = np.zeros((count, classes.max() + 1))  # items of each class in each fold
    _place_groups(folds, filled, classes, np.where(alone, -1, groups.reshape(-1)), rng)
    _place_singles(folds, filled, classes, alone, rng)
    return folds


def _place_groups(
    folds: np.ndarray, filled: np.ndarray, classes: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> None:
    """Put each group of several items into a fold; -1 stands for an item that is alone."""
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []
    totals = np.bincount(classes)
    drawn = rng.permutation(len(members)).tolist()
    for group in sorted(drawn, key=lambda place: -len(members[place])):
        kinds, counts = np.unique(classes[members[group]], return_counts=True)
        crowded = (filled[:, kinds] * counts / totals[kinds] ** 2).sum(axis=1)
        fold = int(np.lexsort((filled.sum(axis=1), crowded))[0])
        filled[fold, kinds] += counts
        folds[members[group]] = fold


def _place_singles(
    folds: np.ndarray, filled: np.ndarray, classes: np.ndarray, alone: np.ndarray, rng: np.random.Generator
) -> None:
    """Put each item that is alone where its class has fewest, and of such folds where all classes have."""
    sizes = filled.sum(axis=1).tolist()
    for kind in range(filled.shape[1]):
        held = filled[:, kind].tolist()
        for item in rng.permutation(np.flatnonzero(alone & (classes == kind))).tolist():
            fold = min(range(len(held)), key=lambda k: (held[k], sizes[k]))
            held[fold] += 1
            sizes[fold] += 1
            folds[item] = fold


def _levels(labels: np.ndarray) -> np.ndarray:
    """The strata of folds, int64 (n,): classes, or values from the lowest tenth to the highest."""
    if np.issubdtype(labels.dtype, np.integer):
        return strata(labels)
    ranks = np.argsort(np.argsort(labels, kind="stable"), kind="stable")
    return ranks * QUANTILES // len(labels)


def _check_enough(source: Source, groups: np.ndarray | None, count: int, noun: str) -> None:
    """Refuse data of which some fold, or what is left beside it, would lack a class."""
    labels = strata(source.splits["train"].labels)
    classes, counts = np.unique(labels, return_counts=True)
    if groups is not None:
        counts = groups_of_class(labels, groups)
    least = max(count, 4)  # with two folds, what is left still has to be divided into training and validation
    if (few := np.flatnonzero(counts < least)).size:
        named = repr(source.class_names[classes[few[0]]]) if source.class_names else "the data"
        unit = noun if groups is None else f"different {noun} or groups"
        raise ValueError(
            f"data.fold=…/{count}: {named} of {source.origin} has {counts[few[0]]} {unit}, of which {count} folds need "
            f"{least} or more: give fewer folds or more {noun}"
        )
