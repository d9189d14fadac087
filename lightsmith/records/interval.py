"""How far a figure of few items may be from the truth."""

from __future__ import annotations

from statistics import NormalDist

CERTAIN_ITEMS = 1000  # from which on a figure is given without its interval
CONFIDENCE = 0.95


def wilson_interval(share: float, n: int) -> list[float]:
    """The lowest and the highest share that a sample of n with this one speaks for at 95 % (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = share + z**2 / (2 * n)
    reach = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return [round((centre + sign * reach) / (1 + z**2 / n), 4) for sign in (-1, 1)]
