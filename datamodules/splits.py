"""Cutting train, validation and test apart: seeded, stratified, and never touching a split that the source brings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datamodules.sources import Examples, Source


def cut_missing_splits(source: Source, val_fraction: float, test_fraction: float, seed: int) -> Source:
    """Cut whichever of test and val is missing from train: seeded, stratified, at least one example per class.

    A split that the source brings is never touched.

    Args:
        val_fraction: share of all training items that goes to a missing validation split.
        test_fraction: the same for a missing test split.

    Raises:
        ValueError: a class has too few items to be in every split.
    """
    splits, notes = dict(source.splits), list(source.notes)
    fractions = {"test": test_fraction, "val": val_fraction}
    missing = [split for split in fractions if split not in splits]
    _check_enough(source, missing)
    total = len(splits["train"])
    for split in missing:
        kept, cut = stratified_cut(splits["train"].labels, round(fractions[split] * total), seed)
        splits[split], splits["train"] = splits["train"].take(cut), splits["train"].take(kept)
        notes.append(f"no {split} split: {len(cut):,} of its {total:,} training items serve as one (seed {seed})")
    return replace(source, splits=splits, notes=notes)


def _check_enough(source: Source, missing: list[str]) -> None:
    labels, counts = np.unique(source.splits["train"].labels, return_counts=True)
    scarce, count = labels[counts.argmin()], counts.min()
    if missing and count <= len(missing):
        raise ValueError(
            f"class {source.class_names[scarce]!r} of {source.origin} has {count} training item(s), too few to cut a "
            f"{' and a '.join(missing)} split from: give it {len(missing) + 1} or more, or bring these splits yourself"
        )


def stratified_cut(labels: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (kept, cut), each ascending: about ``size`` are cut, of every class its share.

    At least one item of every class is on either side, so that ``size`` is exact unless that forbids it.
    """
    counts = np.unique(labels, return_counts=True)[1]
    chosen = _choose(labels, np.minimum(_shares(counts, size), counts - 1), seed)
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def subset(examples: Examples, size: int, seed: int) -> Examples:
    """A stratified choice of ``size`` examples, but at least one of every class; all if there are fewer."""
    if size >= len(examples):
        return examples
    counts = np.unique(examples.labels, return_counts=True)[1]
    return examples.take(_choose(examples.labels, _shares(counts, size), seed))


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
    """Ascending positions of so many random items of each class."""
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
