"""The curve of a learning-rate range test, and the rates that it suggests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

SMOOTHING = 0.9  # weight of the past in the mean of the losses
DIVERGED = 4  # times the best loss
BELOW_LOWEST = 4  # times; docs/studies.md has what it and others cost on five tasks


def ladder(lowest: float, highest: float, steps: int) -> list[float]:
    """Rates from the lowest to the highest, each the same factor above the one before."""
    factor = (highest / lowest) ** (1 / (steps - 1))
    return [lowest * factor**step for step in range(steps)]


class Curve(NamedTuple):
    """A training at rising rates.

    Attributes:
        rates: of each step, each the same factor above the one before.
        losses: of each step, before its update; all finite.
        diverged: whether the loss was lost after that: not finite, or four times its best and worse than at the start.
    """

    rates: list[float]
    losses: list[float]
    diverged: bool = False

    def then(self, rate: float, loss: float) -> Curve:
        """The curve with one more step."""
        if not math.isfinite(loss):
            return self._replace(diverged=True)
        longer = Curve([*self.rates, rate], [*self.losses, loss])
        means = longer.smoothed
        best = min(means)
        lost = means[-1] - best > max((DIVERGED - 1) * abs(best), means[0] - best)
        return longer._replace(diverged=lost)

    @property
    def smoothed(self) -> list[float]:
        """The exponential mean of the losses, with the bias of its first values corrected (Kingma & Ba 2015)."""
        mean, means = 0.0, []
        for step, loss in enumerate(self.losses, 1):
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            means.append(mean / (1 - SMOOTHING**step))
        return means

    @property
    def suggestions(self) -> Suggestions | None:
        """The rates that the smoothed losses suggest; None if they never fall.

        Only what comes before the lowest loss counts: one that exploded falls too, on its way back.
        """
        means = self.smoothed
        falling = means[: means.index(min(means)) + 1] if means else []
        # Rates are equally far apart by their logarithm, so differences are slopes.
        slopes = [after - before for before, after in zip(falling, falling[2:], strict=False)]
        if not slopes or min(slopes) >= 0:
            return None
        stretch = longest_fall(means)
        return Suggestions(
            steepest=self.rates[slopes.index(min(slopes)) + 1],
            lowest=self.rates[len(falling) - 1],
            valley=self.rates[stretch[0] + round(2 / 3 * (stretch[-1] - stretch[0]))],
        )


class Suggestions(NamedTuple):
    """Rates to begin with, by the curve of a range test.

    Attributes:
        steepest: where the loss falls fastest by the logarithm of the rate.
        lowest: where the loss is lowest.
        valley: two thirds into the longest stretch of falling losses, whatever interrupts it (Howard's valley).
    """

    steepest: float
    lowest: float
    valley: float

    @property
    def chosen(self) -> float:
        """The rate a factor of four below that of the lowest loss."""
        return self.lowest / BELOW_LOWEST


def longest_fall(values: Sequence[float]) -> list[int]:
    """The places of the longest falling subsequence, the first of several."""
    lengths, before = [1] * len(values), [-1] * len(values)
    for place, value in enumerate(values):
        for earlier in range(place):
            if values[earlier] > value and lengths[earlier] >= lengths[place]:
                lengths[place], before[place] = lengths[earlier] + 1, earlier
    place = lengths.index(max(lengths)) if values else -1
    fall = []
    while place >= 0:
        fall.append(place)
        place = before[place]
    return fall[::-1]
