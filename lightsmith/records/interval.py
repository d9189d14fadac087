"""Intervals at 95% around figures of few items."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np

CERTAIN_ITEMS = 1000  # from which on a figure is given without its interval
CONFIDENCE = 0.95
RESAMPLES = 2000
# Figures of values, from their errors (…, n).
OF_ERRORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rmse": lambda errors: np.sqrt(np.mean(errors**2, axis=-1)),
    "mae": lambda errors: np.mean(np.abs(errors), axis=-1),
}


def wilson_interval(share: float, n: int) -> list[float]:
    """The lowest and the highest share that a sample of n with this one speaks for (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = share + z**2 / (2 * n)
    reach = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return [round((centre + sign * reach) / (1 + z**2 / n), 4) for sign in (-1, 1)]


def error_intervals(errors: np.ndarray) -> dict[str, list[float]]:
    """The intervals of RMSE and MAE, in the units of the values: the bootstrap's percentiles (Efron 1979).

    Args:
        errors: float (n,) of the items; fewer than a thousand. The same errors give the same intervals.
    """
    drawn = errors[np.random.default_rng(0).integers(len(errors), size=(RESAMPLES, len(errors)))]
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    found = {name: np.quantile(figure(drawn), ends) for name, figure in OF_ERRORS.items()}
    return {name: [float(f"{end:.4g}") for end in quantiles] for name, quantiles in found.items()}
