"""Cutting train, validation and test apart: seeded, stratified, and never touching a split that the source brings."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from datamodules.sources import Examples, Source


def cut_missing_splits(source: Source, val_fraction: float, test_fraction: float, seed: int) -> Source:
    """Cut whichever of test and val is missing from train: seeded, stratified, at least one example per class.

    A split that the source brings is never touched.
    """
    splits, notes = dict(source.splits), list(source.notes)
    total = len(splits["train"])
    for split, fraction in (("test", test_fraction), ("val", val_fraction)):
        if split in splits:
            continue
        kept, cut = stratified_cut(splits["train"].labels, fraction * total / len(splits["train"]), seed)
        splits[split], splits["train"] = splits["train"].take(cut), splits["train"].take(kept)
        notes.append(f"no {split} split: {len(cut):,} of its {total:,} training items serve as one (seed {seed})")
    return replace(source, splits=splits, notes=notes)


def stratified_cut(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (kept, cut), each ascending: ``fraction`` of every class is cut, rounded, but at least one item.

    Raises:
        ValueError: a class has a single item, so that it cannot be on both sides.
    """
    rng = np.random.default_rng(seed)
    cut: list[np.ndarray] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise ValueError(f"class number {label} has a single training item: too few to cut a split from")
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        cut.append(rng.permutation(members)[:count])
    chosen = np.sort(np.concatenate(cut))
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def check_classes(source: Source) -> None:
    """Refuse data that no classifier can be trained on.

    Raises:
        ValueError: fewer than two classes, or an empty training split.
    """
    counts = Counter(source.splits["train"].labels.tolist())
    if not counts:
        raise ValueError(f"{source.origin} holds no training items")
    if len(counts) < 2:
        only = source.class_names[next(iter(counts))]
        raise ValueError(f"{source.origin} has only one class, {only!r}: a classifier needs at least two")


def subset(examples: Examples, size: int, seed: int) -> Examples:
    """A stratified choice of about ``size`` examples (each class rounded, at least one), or all if there are fewer."""
    if size >= len(examples):
        return examples
    _, chosen = stratified_cut(examples.labels, size / len(examples), seed)
    return examples.take(chosen)
