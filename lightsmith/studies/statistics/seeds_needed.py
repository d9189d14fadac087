"""The number of seeds that would show a difference."""

from __future__ import annotations

from scipy.special import nctdtr

from lightsmith.studies.statistics.estimates import Estimate, effective_freedom, quantile

POWER = 0.8  # the chance that a difference is found, at 95%
MOST_SEEDS = 1000


def seeds_needed(estimate: Estimate) -> int | None:
    """The smallest number of seeds of each group that finds a difference of this size in four of five attempts.

    Returns:
        At least 2; None where not even a thousand would, as when the test items are too few for it.
    """
    if not estimate.value or power(estimate, MOST_SEEDS) < POWER:
        return None
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(estimate, middle) >= POWER else (middle, high)
    return high


def power(estimate: Estimate, seeds: int) -> float:
    """Compute the probability that so many seeds of each group tell a difference as large as this one from 0."""
    of_seeds, of_items = estimate.per_seed / seeds, max(estimate.of_items, 0.0)
    freedom = (seeds - 1) * estimate.freedom_per_seed
    if not of_seeds + of_items:
        return 1.0
    reach, shift = (
        quantile(of_seeds, freedom, of_items, estimate.of_two),
        abs(estimate.value) / (of_seeds + of_items) ** 0.5,
    )
    return float(1 - nctdtr(effective_freedom(reach), shift, reach))
