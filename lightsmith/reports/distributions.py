"""Test items of tasks without classes: predicted values beside true ones, and how large errors are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lightning_modules.training.answers.value_with_interval import COVERAGE
from lightsmith.reports.outcomes import read_columns
from lightsmith.reports.parts import Part, Shown, chart, facts, rounded, series, table

MOST_DOTS = 1000
BINS = 30
PARTS = 5  # of the values, in the table of intervals


def value_parts(run: Path) -> list[Part]:
    """Charts of values: predicted over true ones, residuals, and how often the intervals hold the true value."""
    columns = read_columns(run, ["label", "value", "low", "high"])
    label, value = columns["label"], columns["value"]
    chosen = np.linspace(0, len(label) - 1, min(len(label), MOST_DOTS)).round().astype(int)
    ends = [float(min(label.min(), value.min())), float(max(label.max(), value.max()))]
    dots = series("items", np.stack([label[chosen], value[chosen]], 1).tolist(), 0, "dots", sizes=[2.5] * len(chosen))
    some = f" {MOST_DOTS:,} of {len(label):,} items are drawn." if len(label) > MOST_DOTS else ""
    return [
        chart(
            "predicted over true",
            f"Each dot is a test item; on the dashed line, the prediction is right.{some}",
            Shown("true value", as_="general"),
            Shown("predicted value", as_="general"),
            [dots],
            {"pad": 0.03},
            {"pad": 0.03},
            guides=[{"x": ends, "y": ends}],
        ),
        histogram("residuals", "Predicted minus true value of the test items.", "residual", value - label),
        *(_interval_parts(columns) if "low" in columns else []),
    ]


def _interval_parts(columns: Mapping[str, np.ndarray]) -> list[Part]:
    """Count how often the true value lies in its interval: in all, and where values are low or high."""
    label, value = columns["label"], columns["value"]
    held = (columns["low"] <= label) & (label <= columns["high"])
    order = np.argsort(value, kind="stable")
    rows = [
        [f"{value[part].min():.4g} to {value[part].max():.4g}", len(part), rounded(float(held[part].mean()))]
        for part in np.array_split(order, min(PARTS, len(order)))
    ]
    width = float((columns["high"] - columns["low"]).mean())
    return [
        facts(
            [
                Shown("items whose interval holds the true value", rounded(float(held.mean())), "percent"),
                Shown("items that it is to hold for", COVERAGE, "percent"),
                Shown("mean width of the intervals", rounded(width), "general"),
            ]
        ),
        table(
            "intervals by predicted value",
            [Shown("predicted value"), Shown("n", as_="count"), Shown("held", as_="percent")],
            rows,
        ),
    ]


def histogram(title: str, about: str, name: str, values: np.ndarray) -> Part:
    """Draw a histogram: the items in each of equal intervals of a figure.

    Args:
        values: float (n,); those that are no finite numbers are left out.
    """
    counts, edges = np.histogram(values[np.isfinite(values)], BINS)
    centres, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    return chart(
        title,
        about,
        Shown(name, as_="general"),
        Shown("items", as_="count"),
        [series("items", zip(centres.tolist(), counts.tolist(), strict=True), 2, "bars", width=rounded(width))],
        y_axis={"zero": True},
    )
