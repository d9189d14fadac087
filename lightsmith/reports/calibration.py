"""Calibration of a classifier's probabilities: reliability diagram and expected calibration error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightsmith.reports.outcomes import ClassOutcomes
from lightsmith.reports.parts import Part, Shown, chart, facts, rounded, series

BINS = 15  # as in Guo et al. 2017


class Bin(NamedTuple):
    """Items whose confidence lies in one of equal intervals: how many, their mean confidence, and the share right."""

    centre: float
    n: int
    confidence: float
    accuracy: float


def reliability_bins(outcomes: ClassOutcomes) -> list[Bin]:
    """The intervals of confidence that hold an item, lowest first."""
    place = np.minimum((outcomes.confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    confidence = np.bincount(place, outcomes.confidence, BINS)
    right = np.bincount(place, outcomes.right, BINS)
    return [
        Bin(
            (number + 0.5) / BINS,
            int(counts[number]),
            confidence[number] / counts[number],
            right[number] / counts[number],
        )
        for number in np.flatnonzero(counts).tolist()
    ]


def expected_calibration_error(bins: list[Bin]) -> float:
    """Compute the expected calibration error, 0…1: the mean over items of their bin's gap from confidence to accuracy.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, §2.
    """
    total = sum(one.n for one in bins)
    return sum(one.n * abs(one.accuracy - one.confidence) for one in bins) / total


def calibration_parts(outcomes: ClassOutcomes) -> list[Part]:
    """The reliability diagram, a histogram of confidence, and the calibration error."""
    bins = reliability_bins(outcomes)
    error = expected_calibration_error(bins)
    confidence = Shown("confidence", as_="metric")
    axis = {"low": 0, "high": 1}
    return [
        facts(
            [
                Shown("expected calibration error (ECE)", rounded(error), "metric"),
                Shown("mean confidence", rounded(float(outcomes.confidence.mean())), "metric"),
                Shown("share right", rounded(float(outcomes.right.mean())), "metric"),
            ]
        ),
        chart(
            "reliability",
            f"Share of right answers by confidence, in {BINS} equal bins. Bars below the dashed line: too confident.",
            confidence,
            Shown("share right", as_="metric"),
            [
                series("share right", [(one.centre, one.accuracy) for one in bins], 0, "bars", width=1 / BINS),
                series("mean confidence", [(one.centre, one.confidence) for one in bins], 1, dashed=True),
            ],
            axis,
            axis,
            guides=[{"x": [0, 1], "y": [0, 1]}],
        ),
        chart(
            "items by confidence",
            "Test items in each of these bins.",
            confidence,
            Shown("items", as_="count"),
            [series("items", [(one.centre, one.n) for one in bins], 2, "bars", width=1 / BINS)],
            axis,
            {"zero": True},
        ),
    ]
