"""Reads the record of a sweep: its trials, and the comparison at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from lightsmith.reports.comparison_record import read_written
from lightsmith.studies.comparisons.answer import Comparison
from lightsmith.studies.sweeps.sweep import TRIALS


class Trial(NamedTuple):
    """A trial that came to a figure: the settings that were drawn for it, and the metric of its validation."""

    name: str
    settings: dict[str, Any]
    value: float
    metric: str


class SweepRecord(NamedTuple):
    """The end of a sweep.

    Attributes:
        drawn: the settings of each trial, whether or not it came to a figure, by its name.
        direction: of the metric, max or min.
        importance: share of the variance between trials that each setting accounts for.
        comparison: the winner beside the default settings; None where nothing was compared.
    """

    trials: list[Trial]
    drawn: dict[str, dict[str, Any]]
    direction: str
    importance: dict[str, float]
    comparison: Comparison | None


def read_sweep(folder: Path) -> SweepRecord | None:
    """Read the record that a sweep writes at its end; None before.

    Raises:
        ValueError: it is not what a sweep writes.
    """
    return read_written(folder / TRIALS, _record, "a sweep")


def _record(content: dict[str, Any]) -> SweepRecord:
    trials, metric = content["trials"], content["metric"]
    known = [trial for trial in trials if trial["value"] is not None]
    compared = content.get("comparison")
    return SweepRecord(
        [Trial(trial["name"], trial["settings"], trial["value"], metric) for trial in known],
        {trial["name"]: trial["settings"] for trial in trials},
        content["direction"],
        content["importance"],
        compared and Comparison.of_json(compared),
    )
