"""The page of a study: its runs beside each other, and of a sweep how the search went."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from lightsmith.reports.parts import Part, Shown, chart, section, series, table
from lightsmith.reports.run_list import setting
from lightsmith.reports.several_page import SEED, OneRun, read_runs, several_page
from lightsmith.studies.study import Study, read_study
from lightsmith.terminal import shown

TRIALS = "trials.json"  # that a sweep writes at its end
WIDE_RANGE = 50  # of a setting's largest over its smallest value, from which on its axis is logarithmic
BEST_SHARE = 0.2  # of the runs that stand out among the parallel lines


class Trial(NamedTuple):
    """A finished run of a sweep: its settings that differ from the experiment's, and its validation's figure."""

    name: str
    settings: dict[str, Any]
    value: float
    metric: str


def study_page(folder: Path) -> dict[str, Any]:
    """The figures of the page of a study.

    Raises:
        ValueError: the folder is not that of a study, or none of its runs is finished.
    """
    study = read_study(folder)
    folders = [study.folder_of(member) for member in study.members if study.folder_of(member).is_dir()]
    if not folders:
        raise ValueError(f"no run of {shown(folder)} has begun: a report needs one that is finished")
    more = [section("Search", search_parts(folder, read_runs(folders)))] if study.kind == "sweep" else []
    page = several_page(folders, f"{study.experiment}, {study.kind}: {folder.name}", more)
    page["lead"].append(_standing(study))
    return page


def _standing(study: Study) -> str:
    """Count the runs of a study by state."""
    states = [study.status_of(member).state for member in study.members]
    counted = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    return f"{len(states)} runs planned: {', '.join(counted)} · {shown(study.folder)}"


def search_parts(folder: Path, runs: Sequence[OneRun]) -> list[Part]:
    """Draw the trials in their order, their settings, and the importance of each setting.

    All of it is of the validation, which a search sees.

    Raises:
        ValueError: the sweep's record is not what a sweep writes.
    """
    record = _read_record(folder)
    trials = _tested(runs) if record is None else _recorded(record)
    if not trials:
        return []
    highest = (record["direction"] == "max") if record else runs[0].results.headline.direction == "max"
    axes = [_axis(name, trials) for name in _searched(trials)]
    importance = _importance(record["importance"]) if record and record["importance"] else []
    return [_history(trials, highest), *importance, *([_parallel(trials, axes, highest)] if axes else [])]


def _read_record(folder: Path) -> dict[str, Any] | None:
    """Read the record that a sweep writes at its end; None before."""
    path = folder / TRIALS
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _recorded(record), record["direction"], record["importance"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{shown(path)} is not what a sweep writes: restore it or remove it") from error
    return record


def _recorded(record: dict[str, Any]) -> list[Trial]:
    """The trials that came to a figure."""
    known = [trial for trial in record["trials"] if trial["value"] is not None]
    return [Trial(trial["name"], trial["settings"], trial["value"], record["metric"]) for trial in known]


def _tested(runs: Sequence[OneRun]) -> list[Trial]:
    """The runs of a sweep without a record, by the validation of the epoch that was tested."""
    return [
        Trial(run.name, run.results.settings or {}, run.results.best.value, str(run.results.best.metric))
        for run in runs
        if run.results.best and run.results.best.value is not None
    ]


def _importance(shares: dict[str, float]) -> list[Part]:
    ordered = sorted(shares.items(), key=lambda entry: (-entry[1], entry[0]))
    return [
        table(
            "importance: share of the variance over trials", [Shown("setting"), Shown("share", as_="percent")], ordered
        )
    ]


def _history(trials: Sequence[Trial], highest: bool) -> Part:
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


def _searched(trials: Sequence[Trial]) -> list[str]:
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


def _parallel(trials: Sequence[Trial], axes: Sequence[dict[str, Any]], highest: bool) -> Part:
    """A line for each trial through its settings to its figure; the best stand out."""
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
