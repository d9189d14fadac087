"""Figures of each class, from the counts of which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

DIGITS = 6


def per_class_figures(counts: Tensor, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Compute items, precision, recall and F1 (0…1) of each class, in the order of the labels.

    The mean of a figure over the classes that have it is torchmetrics' macro average. So a class that is never
    predicted has a precision of 0, and one that neither has items nor is predicted has no figures: None.

    Args:
        counts: int64 (C, C), rows are true classes, columns predicted ones.
        class_names: C of them.
    """
    right = counts.diagonal().tolist()
    items, predicted = counts.sum(1).tolist(), counts.sum(0).tolist()
    return [
        {
            "class": name,
            "n": items[place],
            "precision": _share(right[place], predicted[place], items[place]),
            "recall": _share(right[place], items[place], predicted[place]),
            "f1": _share(2 * right[place], items[place] + predicted[place], 0),
        }
        for place, name in enumerate(class_names)
    ]


def _share(part: int, whole: int, other: int) -> float | None:
    """A part of a whole; 0 of nothing, but None if there is nothing of the class on the other side either."""
    if whole:
        return round(part / whole, DIGITS)
    return 0.0 if other else None
