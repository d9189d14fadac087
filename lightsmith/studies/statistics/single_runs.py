"""Differences between two single runs, which speak of these two on other items, and not of other seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from lightsmith.studies.statistics.estimates import CONFIDENCE, Estimate

MOST_RESAMPLED = 5000  # items; with more, the mean of the differences is normal, and resampling takes seconds
RESAMPLES = 4999
AT_ONCE = 100  # resamples in memory: 4 MB of 5,000 items


class Difference(NamedTuple):
    """Estimate how much higher the second run's score is, with a 95% interval and the p-value of no difference."""

    value: float
    interval: tuple[float, float]
    p_value: float


def difference_of_single_runs(a: np.ndarray, b: np.ndarray) -> Difference:
    """Compare two runs on the same items. The same scores give the same answer.

    The interval is Efron's (1987) BCa bootstrap, the p-value McNemar's (1947) exact one if scores are right or wrong,
    and else of the permutation test that swaps the runs on random items; of many items both are those of a normal mean.

    Args:
        a, b: float64 (items,), of the two runs.
    """
    apart = b - a
    if not apart.any():
        return Difference(0.0, (0.0, 0.0), 1.0)
    normal = Estimate(float(apart.mean()), 0.0, 1, float(apart.var(ddof=1)) / len(apart), 0.0)
    few = len(apart) <= MOST_RESAMPLED and bool((apart != apart[0]).any())
    interval = _bootstrap(apart) if few else normal.interval
    return Difference(normal.value, interval, _p_value(a, b, few, normal))


def _bootstrap(apart: np.ndarray) -> tuple[float, float]:
    found = stats.bootstrap(
        (apart,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=AT_ONCE,
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _p_value(a: np.ndarray, b: np.ndarray, few: bool, normal: Estimate) -> float:
    if np.isin([a, b], (0, 1)).all():
        only_a, only_b = int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
        return float(stats.binomtest(only_a, only_a + only_b).pvalue)
    if not few:
        return normal.p_value
    swapped = stats.permutation_test(
        (b - a,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=AT_ONCE,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(swapped.pvalue)
