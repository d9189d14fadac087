"""Cutting train, validation and test apart: seeded, stratified, and never touching a split that the source brings."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from datamodules.sources.group_cut import cut_groups, groups_of_class, joined
from datamodules.sources.source import Examples, Source

CONFIDENCE = 0.95
FEW_POINTS = 5  # so far off, or farther, accuracy may be before it is said
RareClasses = Literal["refuse", "train"]


def cut_missing_splits(
    source: Source,
    val_fraction: float,
    test_fraction: float,
    seed: int,
    copies: np.ndarray | None = None,
    rare_classes: RareClasses = "refuse",
    noun: str = "items",
) -> Source:
    """Cut whichever of test and val is missing from train: seeded, stratified, at least one example per class.

    Values are not stratified by. A split that the source brings is never touched. Copies of an item, and items of one
    group, stay together.

    Args:
        val_fraction: share of all training items that goes to a missing validation split.
        test_fraction: the same for a missing test split.
        copies: int64 (n,), the same number for training items with the same content.
        rare_classes: whether a class with too few items to be in every split is refused, or stays in train.
        noun: what items are called, such as "texts".

    Raises:
        ValueError: a class has too few items, or groups of them, to be in every split.
    """
    fractions = {"test": test_fraction, "val": val_fraction}
    missing = [split for split in fractions if split not in source.splits]
    if not missing:
        return source
    train, splits, notes, rows = source.splits["train"], dict(source.splits), list(source.notes), {}
    if copies is not None:
        copies = _separate_scarce(source, copies, missing, notes)
    groups = together(train, copies)
    rare = _rare_items(source, groups, missing, rare_classes, notes)
    left = np.flatnonzero(~rare)
    for place, split in enumerate(missing):
        size = round(fractions[split] * len(train))
        inside = None if groups is None else groups[left]
        kept, cut = stratified_cut(strata(train.labels)[left], size, seed, inside, leave=len(missing) - place)
        rows[split], left = left[cut], left[kept]
        splits[split] = train.take(rows[split])
        independent = len(cut) if inside is None else len(np.unique(inside[cut]))
        certainty = independent if source.class_names else None
        notes.append(_cut_said(split, len(cut), len(train), seed, noun, certainty))
    rows["train"] = np.union1d(left, np.flatnonzero(rare))
    splits["train"] = train.take(rows["train"])
    if groups is not None:
        notes.append(f"{_kept_together(train, copies)} are on the same side of every cut")
    return replace(source, splits=splits, notes=notes, rows=rows)


def _separate_scarce(source: Source, copies: np.ndarray, missing: list[str], notes: list[str]) -> np.ndarray:
    """The same numbers, but for classes of too few different items to cut: their copies have to be on both sides."""
    labels = strata(source.splits["train"].labels)
    classes, counts = np.unique(labels, return_counts=True)
    scarce = classes[(groups_of_class(labels, copies) <= len(missing)) & (counts > len(missing))]
    if not len(scarce):
        return copies
    notes.append(
        f"{_named(source, scarce.tolist())}: so few different items that copies of one stand in "
        "train and in what was cut from it, so what is measured there says little about new ones"
    )
    return np.where(np.isin(labels, scarce), copies.max() + 1 + np.arange(len(copies)), copies)


def together(train: Examples, copies: np.ndarray | None) -> np.ndarray | None:
    """The group of each training item, int64 (n,); None if every item is alone."""
    parts = [part for part in (copies, train.groups) if part is not None]
    if not parts:
        return None
    groups = joined(parts)
    return groups if len(np.unique(groups)) < len(groups) else None


def _kept_together(train: Examples, copies: np.ndarray | None) -> str:
    kept = []
    if copies is not None and len(np.unique(copies)) < len(copies):
        kept.append("copies")
    if train.groups is not None:
        kept.append("groups")
    return " and ".join(kept)


def _named(source: Source, classes: list[int]) -> str:
    """Name these classes, or the data where it has no classes."""
    if not source.class_names:
        return "the data"
    named = ", ".join(repr(source.class_names[label]) for label in classes)
    return f"{'class' if len(classes) == 1 else 'classes'} {named}"


def _counted(source: Source, classes: list[int], counts: list[int]) -> str:
    """Name these classes with their numbers of items, or the data where it has no classes."""
    if not source.class_names:
        return f"the data ({counts[0]})"
    named = (f"{source.class_names[label]!r} ({count})" for label, count in zip(classes, counts, strict=True))
    return f"class {', '.join(named)}"


def _cut_said(split: str, count: int, total: int, seed: int, noun: str, independent: int | None) -> str:
    """Say which splits were cut, and how far the accuracy of a small one may be off.

    Args:
        independent: items that were cut, copies and groups counted once; None where there are no classes.
    """
    purpose = {"test": "the test", "val": "validation"}[split]
    cut = f"There is no {split} split, so {count:,} of the {total:,} training {noun} were set aside for {purpose}"
    said = f"{cut} (seed {seed})"
    if independent is None:
        return said
    # Half of the widest Wilson interval, that of an accuracy of one half.
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    points = round(100 * z / (2 * (independent + z**2) ** 0.5))
    if split == "test" and points >= FEW_POINTS:
        return f"{said}. That is few: the score may be off by {points} points"
    return said


def _rare_items(
    source: Source, groups: np.ndarray | None, missing: list[str], rare_classes: RareClasses, notes: list[str]
) -> np.ndarray:
    """Mark the training items of classes that are too small to cut from: bool (n,).

    Raises:
        ValueError: there are some, and they are to be refused; or there are no others.
    """
    labels = strata(source.splits["train"].labels)
    classes, counts = np.unique(labels, return_counts=True)
    if groups is not None:
        counts = groups_of_class(labels, groups)
    rare = counts <= len(missing)
    if not rare.any():
        return np.zeros(len(labels), dtype=bool)
    unit = "items" if source.splits["train"].groups is None else "groups"
    named = _counted(source, classes[rare].tolist(), counts[rare].tolist())
    if rare_classes == "refuse" or rare.all():
        keep = "" if rare.all() else ", or let --data.rare_classes=train keep such a class in train only, untested"
        raise ValueError(
            f"{named} of {source.origin} has too few training {unit} to cut a {' and a '.join(missing)} split "
            f"from: give each {len(missing) + 1} or more, or bring these splits yourself{keep}"
        )
    notes.append(f"{named} has too few {unit} to cut: it is in train only, in no {' or '.join(missing)} split")
    alike = np.isin(labels, classes[rare])
    return alike if groups is None else np.isin(groups, groups[alike])


def strata(labels: np.ndarray) -> np.ndarray:
    """The strata of a cut, int64 (n,): the classes; values are one stratum."""
    return labels if np.issubdtype(labels.dtype, np.integer) else np.zeros(len(labels), np.int64)


def stratified_cut(
    labels: np.ndarray, size: int, seed: int, groups: np.ndarray | None = None, leave: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (kept, cut), each ascending: about ``size`` are cut, of every class its share.

    At least one item of every class is on either side, so that ``size`` is exact unless that forbids it.

    Args:
        groups: int64 (n,); items with the same number stay together, and ``size`` is met as nearly as they allow.
        leave: at least this many groups of every class are kept.
    """
    counts = np.unique(labels, return_counts=True)[1]
    wanted = np.minimum(_shares(counts, size), counts - 1)
    chosen = _choose(labels, wanted, seed) if groups is None else cut_groups(labels, groups, wanted, seed, leave)
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def choose_train(source: Source, size: int, seed: int) -> Source:
    """The same data with a stratified choice of ``size`` training examples, as `subset` makes it."""
    train = source.splits["train"]
    positions = _subset_positions(strata(train.labels), size, seed)
    rows = source.rows.get("train", np.arange(len(train)))[positions]
    splits = {**source.splits, "train": train.take(positions)}
    return replace(source, splits=splits, rows={**source.rows, "train": rows})


def subset(examples: Examples, size: int, seed: int) -> Examples:
    """A stratified choice of ``size`` examples, but at least one of every class; all if there are fewer."""
    if size >= len(examples):
        return examples
    return examples.take(_subset_positions(strata(examples.labels), size, seed))


def _subset_positions(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    if size >= len(labels):
        return np.arange(len(labels))
    counts = np.unique(labels, return_counts=True)[1]
    return _choose(labels, _shares(counts, size), seed)


def _shares(counts: np.ndarray, size: int) -> np.ndarray:
    """``size`` divided among classes in proportion to their ``counts``, each at least 1, by largest remainder."""
    quotas = size * counts / counts.sum()
    shares = np.maximum(np.floor(quotas).astype(np.int64), 1)
    for _ in range(size - shares.sum()):
        shares[np.argmax(quotas - shares)] += 1
    for _ in range(shares.sum() - max(size, len(counts))):  # minimums of one may have taken too much
        shares[np.argmax(np.where(shares > 1, shares - quotas, -np.inf))] -= 1
    return shares


def _choose(labels: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Draw the given number of items of each class at random: their positions, ascending."""
    rng = np.random.default_rng(seed)
    members = (np.flatnonzero(labels == label) for label in np.unique(labels))
    return np.sort(np.concatenate([rng.permutation(m)[:share] for m, share in zip(members, shares, strict=True)]))


def check_classes(source: Source) -> None:
    """Refuse data that no classifier can be trained on.

    Raises:
        ValueError: an empty split, fewer than two classes, or a class that the training split lacks.
    """
    for split, examples in source.splits.items():
        if not len(examples):
            raise ValueError(f"{source.origin} holds no {split} items")
    trained = np.unique(source.splits["train"].labels)
    if len(trained) < 2:
        only = source.class_names[trained[0]]
        raise ValueError(f"{source.origin} has only one class, {only!r}: a classifier needs at least two")
    for split, examples in source.splits.items():
        if len(unknown := np.setdiff1d(examples.labels, trained)):
            name = source.class_names[unknown[0]]
            raise ValueError(f"the {split} split of {source.origin} has a class {name!r} that the training items lack")
