"""The metric that runs are compared by: which there are, what is better, and how a figure is written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from lightsmith.records.parts import Headline
from lightsmith.records.results import Results
from lightsmith.studies.comparisons.run_groups import named
from lightsmith.terminal import nearest

HIGH_IS_BETTER = ("accuracy", "precision", "recall", "f1", "r2")
LOW_IS_BETTER = ("loss", "rmse", "mae", "error_90", "perplexity", "nats", "reconstruction_error")
UNITS = ("nats",)  # metrics that are called by their unit
SHARES = ("accuracy", "precision", "recall", "f1", "coverage")  # 0 to 1, of which differences are said in points


def check_metric(records: Sequence[Results], metric: str | None) -> str:
    """The metric to compare by: the headline, or one that all runs have.

    Raises:
        ValueError: a run lacks it, or it is no number there.
    """
    chosen = metric or records[0].headline.metric
    for record in records:
        known = record.test.metrics
        if chosen not in known:
            raise ValueError(
                f"--metric={chosen}: {named(record)} has no such test metric{nearest(chosen, list(known))} "
                f"(all: {', '.join(known)})"
            )
        if not math.isfinite(known[chosen]):
            raise ValueError(f"--metric={chosen} is {known[chosen]} in {named(record)}: leave that run out")
    return chosen


def direction_of(headline: Headline, metric: str) -> Literal["max", "min"] | None:
    """Tell which direction is better; None where neither is, as of the share of values that intervals hold."""
    if metric == headline.metric:
        return headline.direction
    if metric in HIGH_IS_BETTER:
        return "max"
    return "min" if metric in LOW_IS_BETTER else None


def figure(metric: str, value: float) -> str:
    """Write a figure: 93.10% or 0.4213."""
    return _signed(f"{value:.2%}" if metric in SHARES else f"{value:.4g}")


def amount(metric: str, value: float) -> str:
    """Write a difference, without its unit: 0.42 points or 0.01234."""
    return _signed(f"{100 * value:.2f}" if metric in SHARES else f"{value:.3g}")


def _signed(text: str) -> str:
    return re.sub("^-", "−", text)


def unit(metric: str) -> str:
    """The unit of ``amount``: points of accuracy, nats, in loss."""
    if metric in SHARES:
        return f"points of {metric}"
    return metric if metric in UNITS else f"in {metric}"


def difference_heading(metric: str) -> str:
    """Name a column or an axis of differences."""
    return f"difference in {metric}{', points' if metric in SHARES else ''}"
