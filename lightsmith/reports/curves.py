"""The curves of a run, from its metrics.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lightsmith.reports.parts import Part, Shown, chart, series
from lightsmith.run_folder import METRICS

MOST_POINTS = 400  # of a curve on a page
Curves = dict[str, "Curve"]
TRAINING, VALIDATION, RATE, LOSS = "train/", "val/", "train/lr", "loss"


class Curve(NamedTuple):
    """A metric over time: the optimizer step of each point, from 0, its epoch, from 0, and its value."""

    steps: list[int]
    epochs: list[int]
    values: list[float]


def read_curves(run: Path) -> Curves:
    """Every metric that a run has logged, by its name; none if it has no metrics.csv, or one that cannot be read."""
    curves: Curves = {}
    for row in _rows(run / METRICS):
        epoch, step = row.pop("epoch", ""), row.pop("step", "")
        for name, cell in row.items():
            if cell:
                curve = curves.setdefault(name, Curve([], [], []))
                curve.steps.append(int(float(step or 0)))
                curve.epochs.append(int(float(epoch or 0)))
                curve.values.append(float(cell))
    return curves


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """Thin points out to at most ``most``, evenly spread, with the first and the last."""
    if len(points) <= most:
        return list(points)
    return [points[round(place * (len(points) - 1) / (most - 1))] for place in range(most)]


def over_epochs(curve: Curve, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """The points (epoch, value) of a curve, epochs counted from 1."""
    return thinned([(epoch + 1, value) for epoch, value in zip(curve.epochs, curve.values, strict=True)], most)


def over_steps(curve: Curve, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """The points (step, value) of a curve."""
    return thinned(list(zip(curve.steps, curve.values, strict=True)), most)


def curve_charts(curves: Curves, best_epoch: int | None) -> list[Part]:
    """A chart of the loss, one of each metric of the validation, and one of the learning rate."""
    names = [name.removeprefix(VALIDATION) for name in curves if name.startswith(VALIDATION) and name != "val/n"]
    if f"{TRAINING}{LOSS}" in curves:
        names.insert(0, LOSS)
    charts = [_metric_chart(name, curves, best_epoch) for name in dict.fromkeys(names)]
    if RATE in curves:
        charts.append(_rate_chart(curves[RATE]))
    return charts


def _metric_chart(name: str, curves: Curves, best_epoch: int | None) -> Part:
    parts = [(f"{prefix}{name}", color) for prefix, color in ((TRAINING, 1), (VALIDATION, 0))]
    drawn = [series(full, over_epochs(curves[full]), color) for full, color in parts if full in curves]
    guides = [] if best_epoch is None else [{"x": [best_epoch], "name": f"best: epoch {best_epoch}"}]
    said = " and ".join(
        {TRAINING: "training", VALIDATION: "validation"}[s["name"][: len(s["name"]) - len(name)]] for s in drawn
    )
    return chart(
        name,
        f"{name} of {said} after each epoch.{_thinning(curves, drawn)}",
        Shown("epoch", as_="count"),
        Shown(name, as_="metric"),
        drawn,
        guides=guides,
    )


def _thinning(curves: Curves, drawn: Sequence[dict[str, object]]) -> str:
    longest = max(len(curves[str(one["name"])].values) for one in drawn)
    return f" {MOST_POINTS} of {longest:,} points are drawn." if longest > MOST_POINTS else ""


def _rate_chart(rate: Curve) -> Part:
    return chart(
        "learning rate",
        "Learning rate over the optimizer steps.",
        Shown("step", as_="count"),
        Shown("rate", as_="general"),
        [series(RATE, over_steps(rate), 2)],
        y_axis={"zero": True},
    )
