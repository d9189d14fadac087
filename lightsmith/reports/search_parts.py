"""Parts of a page about a search: its trials in order, their settings, and which settings mattered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from lightsmith.reports.parts import Part, Shown, chart, series, table, text
from lightsmith.reports.run_list import setting
from lightsmith.reports.sweep_record import Trial

SEED = "seed_everything"
WIDE_RANGE = 50  # of a setting's largest over its smallest value, from which on its axis is logarithmic
BEST_SHARE = 0.2  # of the runs that stand out among the parallel lines


def search_parts(trials: Sequence[Trial], direction: str, importance: Mapping[str, float]) -> list[Part | None]:
    """Draw the trials of a search by the figures of their validation, which the search goes by.

    Args:
        direction: max or min, of the figure that they are judged by.
        importance: share of the variance for each setting; empty where it is not known.
    """
    if not trials:
        return [text("No trial has come to a figure.", muted=True)]
    highest = direction == "max"
    shares = importance_table(importance) if importance else None
    return [history_chart(trials, highest), shares, parallel_lines(trials, highest)]


def importance_table(shares: Mapping[str, float]) -> Part:
    """The share of the variance between trials that each setting accounts for, the largest first."""
    ordered = sorted(shares.items(), key=lambda entry: (-entry[1], entry[0]))
    columns = [Shown("setting"), Shown("share", as_="percent")]
    return table("importance: share of the variance over trials", columns, ordered)


def history_chart(trials: Sequence[Trial], highest: bool) -> Part:
    """The figure of each trial in turn, and the best so far."""
    values = [trial.value for trial in trials]
    best = list(accumulate(values, max if highest else min))
    metric, numbers = trials[0].metric, range(1, len(trials) + 1)
    names = [trial.name for trial in trials]
    sizes = [3.5] * len(trials)
    return chart(
        "history",
        f"{metric} of the tested epoch of each trial, in their order; the line is the best so far.",
        Shown("trial", as_="count"),
        Shown(metric, as_="metric"),
        [
            series("trials", zip(numbers, values, strict=True), 0, "dots", names=names, sizes=sizes),
            series("best so far", zip(numbers, best, strict=True), 1),
        ],
        {"pad": 0.03},
        {"pad": 0.05},
    )


def searched(trials: Sequence[Trial]) -> list[str]:
    """The settings in which the trials differ."""
    names = sorted({name for trial in trials for name in trial.settings if name != SEED})
    return [name for name in names if len({json.dumps(trial.settings.get(name), default=str) for trial in trials}) > 1]


def _axis(name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """An upright axis for a setting: of numbers, or of the choices that there are."""
    values = [trial.settings.get(name) for trial in trials]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(values):
        log = min(numbers) > 0 and max(numbers) / min(numbers) >= WIDE_RANGE
        return {"name": name, "as": "general", "log": log}
    return {"name": name, "as": "text", "choices": sorted({setting(value) for value in values})}


def parallel_lines(trials: Sequence[Trial], highest: bool) -> Part | None:
    """A line for each trial through its settings to its figure, the best standing out; None where all are the same."""
    axes = [_axis(name, trials) for name in searched(trials)]
    if not axes:
        return None
    metric = trials[0].metric
    ranked = sorted((trial.value for trial in trials), reverse=highest)
    bar = ranked[min(int(len(trials) * BEST_SHARE), len(trials) - 1)]
    stands_out = [trial.value >= bar if highest else trial.value <= bar for trial in trials]
    return {
        "kind": "parallel",
        "title": "settings of the trials",
        "about": f"A line for each trial, through its settings to its {metric}; the best fifth stands out in colour.",
        "axes": [*axes, {"name": metric, "as": "metric"}],
        "lines": [[*(_place(axis, trial) for axis in axes), trial.value] for trial in trials],
        "names": [trial.name for trial in trials],
        "colors": [1 if best else 7 for best in stands_out],
    }


def _place(axis: dict[str, Any], trial: Trial) -> Any:
    value = trial.settings.get(axis["name"])
    return axis["choices"].index(setting(value)) if "choices" in axis else value
