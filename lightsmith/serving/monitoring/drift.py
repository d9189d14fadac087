"""Compares the latest requests with the test split: the population stability index of each trait.

PSI = Σ (p − q) ln(p / q) over bins with the shares p of the requests and q of the reference (N. Siddiqi, Credit Risk
Scorecards, 2006: above 0.25 the population has changed). Of n requests and N items of one distribution it is
about (1/n + 1/N) times a χ² of as many degrees of freedom as there are bins, less one (B. Yurdakul, Statistical
Properties of Population Stability Index, Western Michigan University, 2018). So a small reference has a higher limit.
"""

from __future__ import annotations

from collections import deque
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from lightsmith.exports.reference import Reference, Signal, Traits
from lightsmith.terminal import say

WINDOW = 500  # items
LOOK_EVERY = 50  # items
USUAL_LIMIT = 0.25
FALSE_ALARM = 1e-3  # for each signal and window, at most
HALF_AN_ITEM = 0.5  # added to every bin, as the logarithm of none is infinite


def psi(requests: np.ndarray, reference: np.ndarray) -> float:
    """The population stability index of two distributions, counts (bins,) each."""
    p, q = ((counts + HALF_AN_ITEM) / (counts + HALF_AN_ITEM).sum() for counts in (requests, reference))
    return float(((p - q) * np.log(p / q)).sum())


def limit(bins: int, requests: int, reference: int) -> float:
    """The index that items of one distribution do not reach, but for one window in a thousand."""
    return max(USUAL_LIMIT, (1 / requests + 1 / reference) * chi_squared(bins - 1, 1 - FALSE_ALARM))


def chi_squared(freedom: int, share: float) -> float:
    """The value below which this share of a χ² distribution lies, within 4% (Wilson and Hilferty, 1931)."""
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + NormalDist().inv_cdf(share) * sqrt(spread)) ** 3


class SignalWindow:
    """The last items of one signal.

    Args:
        signal: their reference.
        window: items.
    """

    def __init__(self, signal: Signal, window: int) -> None:
        self.signal, self.reference = signal, np.array(signal.counts)
        self.bins: deque[int] = deque(maxlen=window)
        self.limit = limit(len(self.reference), window, max(int(self.reference.sum()), 1))

    def psi(self) -> float | None:
        """The index; None until there are enough items."""
        if len(self.bins) < (self.bins.maxlen or 0):
            return None
        return psi(np.bincount(self.bins, minlength=len(self.reference)), self.reference)


class Drift:
    """Watches whether requests are like the test split.

    Args:
        reference: the test split's distributions; nothing is watched without any.
        window: items that are compared.
    """

    def __init__(self, reference: Reference, window: int = WINDOW) -> None:
        self.window = window
        self.signals = {name: SignalWindow(signal, window) for name, signal in reference.items() if signal.counts[1:]}
        self.items = 0
        self.found: dict[str, float | None] = dict.fromkeys(self.signals)
        self.over: list[str] = []

    def note(self, traits: Traits) -> None:
        """Take an item into account, and say so when requests have become unlike the test split, or like it again."""
        for name, value in traits.items():
            if name in self.signals:
                self.signals[name].bins.append(self.signals[name].signal.bin_of(value))
        self.items += 1
        if self.items >= self.window and self.items % LOOK_EVERY == 0:
            self._look()

    def _look(self) -> None:
        self.found = {name: signal.psi() for name, signal in self.signals.items()}
        over = [name for name, found in self.found.items() if (found or 0) > self.signals[name].limit]
        if bool(over) != bool(self.over):
            say(self._line(over))
        self.over = over

    def _line(self, over: list[str]) -> str:
        if not over:
            return f"drift: the last {self.window} items are like the test split again"
        figures = (
            f"{name} has a PSI of {self.found[name]:.2f} (limit {self.signals[name].limit:.2f})" for name in over
        )
        return f"drift: the last {self.window} items are not like the test split: {', '.join(figures)}"

    @property
    def indices(self) -> dict[str, float]:
        """The index of each signal that has one by now."""
        return {name: found for name, found in self.found.items() if found is not None}

    @property
    def limits(self) -> dict[str, float]:
        """The limit of each signal."""
        return {name: signal.limit for name, signal in self.signals.items()}

    @property
    def description(self) -> dict[str, Any] | None:
        """For /model; None where there is nothing to compare with."""
        signals = {name: {"psi": self.found[name], "limit": signal.limit} for name, signal in self.signals.items()}
        return {"window_items": self.window, "signals": signals, "over": self.over} if signals else None
