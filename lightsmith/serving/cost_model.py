"""Predicts the duration of a batch: seconds = per_item · n + per_call, for each width of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

FITTED_SIZES = (1, 8)  # items
LEAST_SECONDS = 1e-6
MOST_TOGETHER = 64  # items; beyond, a CPU gains nothing
LONGEST_BATCH_S = 0.25  # so that an item that has just come does not wait for long
# A batch's share in the running factor between predicted and measured durations.
SMOOTHING = 0.1
SLOWDOWN_RANGE = (0.5, 50.0)


class CostModel:
    """Durations of batches, linear in the items; between measured widths too.

    Args:
        widths: columns of a text, rising.
        per_item_s: seconds of each further item, by width.
        per_call_s: seconds of a call beside its items, by width.

    Attributes:
        slowdown: factor by which batches take longer than at the start, such as on a machine with other work.
    """

    def __init__(self, widths: Sequence[int], per_item_s: Sequence[float], per_call_s: Sequence[float]) -> None:
        self.widths, self.per_item_s, self.per_call_s = list(widths), list(per_item_s), list(per_call_s)
        self.slowdown = 1.0

    def item_s(self, width: int) -> float:
        """Seconds of one more item of this width in a batch."""
        return self.slowdown * float(np.interp(width, self.widths, self.per_item_s))

    def call_s(self, width: int) -> float:
        """Seconds of a batch beside its items."""
        return self.slowdown * float(np.interp(width, self.widths, self.per_call_s))

    def batch_s(self, width: int, items: int) -> float:
        """Seconds of a batch of this many items, padded to this width."""
        return self.item_s(width) * items + self.call_s(width)

    def most_items(self, width: int) -> int:
        """Items of a batch of this width that is not too long, at least 1."""
        fitting = int((LONGEST_BATCH_S - self.call_s(width)) / self.item_s(width))
        return min(max(fitting, 1), MOST_TOGETHER)

    def note(self, width: int, items: int, seconds: float) -> None:
        """Take a measured batch into account."""
        measured = self.slowdown * seconds / self.batch_s(width, items)
        self.slowdown += SMOOTHING * (float(np.clip(measured, *SLOWDOWN_RANGE)) - self.slowdown)


def fit(measure: Callable[[int, int], float], widths: Sequence[int]) -> CostModel:
    """Measure small batches of each width, and draw a line through them.

    Args:
        measure: seconds of a batch, by width and items.
    """
    few, many = FITTED_SIZES
    per_item, per_call = [], []
    for width in widths:
        short, long = measure(width, few), measure(width, many)
        per_item.append(max((long - short) / (many - few), LEAST_SECONDS))
        per_call.append(max(short - few * per_item[-1], LEAST_SECONDS))
    return CostModel(widths, per_item, per_call)
