"""Means and differences of means over seeds and test items, with intervals that count both (docs/statistics.md).

A score x[s, i] of seed s on item i is taken to be mean + seed effect + item effect + rest, all of them random: other
seeds and other items would have given other scores. The analysis of variance of such a crossed layout (Searle, Casella
& McCulloch 1992, §4.7) says how much each of them moves the mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr, stdtridf, stdtrit

CONFIDENCE = 0.95
LEAST_PART = 0.5  # of the variance by seeds, that remains whatever the items say
UPPER = (1 + CONFIDENCE) / 2  # the probability below an interval's upper end
ENDLESS = 1e6  # degrees of freedom from which on Student's t is the normal distribution


class Sample(NamedTuple):
    """The scores of runs that differ in their seed.

    Attributes:
        scores: float64 (seeds,).
        items: float64 (seeds, items), whose means over the items are the scores; None where no items are known.
    """

    scores: np.ndarray
    items: np.ndarray | None = None


class Estimate(NamedTuple):
    """A mean, or a difference of means, and the variance that seeds and items give it.

    Attributes:
        of_seeds: variance of ``value`` by the seeds, the rest between seeds and items included.
        freedom: degrees of freedom that ``of_seeds`` is known with.
        of_items: variance of ``value`` by the items, which more seeds do not lower. As a difference of two estimates
            it may come out below 0 where there is none; counted as 0 then, intervals would be too wide on the average.
        per_seed: ``of_seeds`` if there were one seed, or one of each group.
        freedom_per_seed: how many degrees of freedom a further seed adds.
        paired: whether it is of differences within seeds.
        of_two: whether ``of_seeds`` is a sum of two variances, as Welch's.
    """

    value: float
    of_seeds: float
    freedom: float
    of_items: float
    per_seed: float
    freedom_per_seed: float = 1.0
    paired: bool = False
    of_two: bool = False

    @property
    def standard_error(self) -> float:
        return float(np.sqrt(max(self.of_seeds + self.of_items, LEAST_PART * self.of_seeds)))

    @property
    def interval(self) -> tuple[float, float]:
        """The lowest and the highest value that the scores speak for, at 95%."""
        reach = quantile(self.of_seeds, self.freedom, self.of_items, self.of_two) * self.standard_error
        return self.value - reach, self.value + reach

    @property
    def p_value(self) -> float:
        """The probability of a value as far from 0, or farther, if the true one is 0: below 5% outside ``interval``."""
        if not self.standard_error:
            return float(self.value == 0)
        freedom = effective_freedom(quantile(self.of_seeds, self.freedom, self.of_items, self.of_two))
        return float(2 * stdtr(freedom, -abs(self.value) / self.standard_error))


def mean_of(sample: Sample, paired: bool = False) -> Estimate:
    """Estimate the mean score of a group of at least two seeds."""
    n, per_seed = len(sample.scores), float(sample.scores.var(ddof=1))
    rest, of_items = residual(sample.items), 0.0
    if sample.items is not None:
        of_items = _beyond_rest(sample.items.mean(0), rest / n)
    planned = max(per_seed, _per_item(rest, sample))
    return Estimate(float(sample.scores.mean()), per_seed / n, n - 1, of_items, planned, paired=paired)


def difference(a: Sample, b: Sample, same_seeds: bool) -> Estimate:
    """Estimate how much higher the mean score of ``b`` is than that of ``a``; one of them has at least two seeds.

    Scores are of the same items. They are paired by seed too where that makes the interval shorter.

    Args:
        same_seeds: whether the seeds are the same ones, in the same order.
    """
    if same_seeds and pairing_pays(a, b):
        items = None if a.items is None or b.items is None else b.items - a.items
        return mean_of(Sample(b.scores - a.scores, items), paired=True)
    return _unpaired(a, b)


def pairing_pays(a: Sample, b: Sample) -> bool:
    """Return whether runs of one seed are so alike that their differences are known better than their scores.

    Pairing halves the degrees of freedom. Its gain is judged by how alike two runs of one seed are on the items, beyond
    what all runs share: a figure of thousands of items, and not of the few scores that the interval is of. Without
    items nothing but pairing takes seeds that are alike into account.
    """
    if a.items is None or b.items is None:
        return True
    n = len(a.scores)
    rests = residual(a.items) * residual(b.items)
    if not rests:
        return True
    shared = float((_residuals(a.items) * _residuals(b.items)).sum()) / ((n - 1) * (a.items.shape[1] - 1))
    left = 1 - shared / np.sqrt(rests)
    return bool(left * stdtrit(n - 1, UPPER) ** 2 < stdtrit(2 * n - 2, UPPER) ** 2)


def _unpaired(a: Sample, b: Sample) -> Estimate:
    """Welch (1947), and the items, which are the same. A group of one seed is taken to vary as the other does."""
    n_a, n_b = len(a.scores), len(b.scores)
    known = [group if len(group.scores) > 1 else other for group, other in ((a, b), (b, a))]
    spread_a, spread_b = (float(group.scores.var(ddof=1)) for group in known)
    rest_a, rest_b = (residual(group.items) for group in known)
    parts = np.array([spread_a / n_a, spread_b / n_b])
    of_items = 0.0
    if a.items is not None and b.items is not None:
        of_items = _beyond_rest(b.items.mean(0) - a.items.mean(0), rest_a / n_a + rest_b / n_b)
    planned = np.array([max(spread_a, _per_item(rest_a, a)), max(spread_b, _per_item(rest_b, b))])
    return Estimate(
        value=float(b.scores.mean() - a.scores.mean()),
        of_seeds=float(parts.sum()),
        freedom=_freedom(parts, n_a, n_b),
        of_items=of_items,
        per_seed=float(planned.sum()),
        freedom_per_seed=float(planned.sum() ** 2 / (planned**2).sum()) if planned.any() else 1.0,
        of_two=1 not in (n_a, n_b),
    )


def _freedom(parts: np.ndarray, n_a: int, n_b: int) -> float:
    """Degrees of freedom of a sum of two variances (Satterthwaite 1946), or of the one that stands for both."""
    if 1 in (n_a, n_b):
        return max(n_a, n_b) - 1
    if not parts.any():
        return n_a + n_b - 2
    return float(parts.sum() ** 2 / (parts**2 / [n_a - 1, n_b - 1]).sum())


def residual(items: np.ndarray | None) -> float:
    """Mean square of what neither the seed nor the item explains; 0 where no items are known.

    Args:
        items: float64 (seeds, items), of two seeds at least.
    """
    if items is None:
        return 0.0
    n, m = items.shape
    return float((_residuals(items) ** 2).sum()) / ((n - 1) * max(m - 1, 1))


def _residuals(items: np.ndarray) -> np.ndarray:
    return items - items.mean(1, keepdims=True) - items.mean(0) + items.mean()


def _beyond_rest(by_item: np.ndarray, rest: float) -> float:
    """Estimate the variance of a mean over items (m,) by the items themselves, without the rest that is in each."""
    return (float(by_item.var(ddof=1)) - rest) / len(by_item) if len(by_item) > 1 else 0.0


def _per_item(rest: float, sample: Sample) -> float:
    """Compute what the rest alone adds to a score's variance: a few scores may look steadier than that by chance."""
    return 0.0 if sample.items is None else rest / sample.items.shape[1]


def quantile(of_seeds: float, freedom: float, of_items: float, of_two: bool = False) -> float:
    """Compute half the width of an interval at 95%, in standard errors.

    A variance by few seeds is itself uncertain, that by many items is not. For their sum, Satterthwaite's (1946)
    quantile of Student's t is somewhat too low and Cochran's (1964) somewhat too high; it is taken midway. Of two
    groups, Welch's degrees of freedom are somewhat too low already, so that Satterthwaite's quantile is right.
    """
    normal = float(ndtri(UPPER))
    if not of_seeds:
        return normal
    of_items = max(of_items, 0.0)
    both = of_seeds + of_items
    satterthwaite = float(stdtrit(min(freedom * (both / of_seeds) ** 2, ENDLESS), UPPER))
    if of_two:
        return satterthwaite
    cochran = (stdtrit(freedom, UPPER) * of_seeds + normal * of_items) / both
    return (satterthwaite + float(cochran)) / 2


def effective_freedom(reach: float) -> float:
    """The degrees of freedom of the Student's t with this quantile, by which probabilities fit intervals."""
    if reach <= stdtrit(ENDLESS, UPPER):
        return ENDLESS
    return float(stdtridf(UPPER, reach))
