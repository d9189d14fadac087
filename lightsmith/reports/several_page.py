"""The page of several runs: their headlines, settings and curves beside each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from lightsmith.records.parts import BEST
from lightsmith.records.results import FILE, Results, read_results
from lightsmith.reports.comparison_parts import answer_parts, comparison_parts
from lightsmith.reports.curves import Curves, over_epochs, read_curves
from lightsmith.reports.parts import Part, Shown, chart, rounded, section, series, table, text
from lightsmith.reports.run_list import FoundRun, read_found, setting, written_settings
from lightsmith.studies.comparisons.answer import Comparison
from lightsmith.terminal import shown

FOOTER = "Figures are those of the runs' own files, to at most seven digits. This file needs no network."
MOST_POINTS, LONGEST_CURVE = 24_000, 100  # of all curves of a chart together, and of one
COLORS = 8
MOST_COLUMNS = 12  # of settings in the table of runs
SEED = "seed_everything"


class OneRun(NamedTuple):
    """A finished run with what it has logged."""

    results: Results
    curves: Curves
    name: str
    group: str


class Group(NamedTuple):
    """Runs of the same settings, seed apart, best first by their mean."""

    name: str
    values: list[float]

    @property
    def mean(self) -> float:
        return fmean(self.values)


def several_page(
    folders: Sequence[Path], title: str, more: Sequence[Part] = (), compared: Comparison | None = None
) -> dict[str, Any]:
    """The figures of a page of several runs.

    Args:
        folders: of the runs, of which at least one is finished.
        title: of the page.
        more: further sections, after the first.
        compared: what a study recorded of them; they are compared anew when unset.

    Raises:
        ValueError: none is finished, or they are judged by different metrics.
    """
    runs = read_runs(folders)
    found = groups_of(runs)
    metric = runs[0].results.headline.metric
    unfinished = [read_found(folder) for folder in folders if not (folder / FILE).is_file()]
    sections = [
        section("Runs", [_headline_chart(runs, found), groups_table(found, metric), runs_table(runs)]),
        section("Comparison", answer_parts(compared) if compared else comparison_parts(folders)),
        *more,
        section("Curves", curve_parts(runs, found) or [text("The runs have logged no metrics.")]),
    ]
    if unfinished:
        sections.append(section("Not finished", [_unfinished(unfinished)]))
    better = runs[0].results.headline.better
    seconds = sum(run.results.fit.seconds for run in runs)
    lead = f"{len(runs)} finished runs in {len(found)} groups of equal settings · test {metric}, {better} is better"
    return {
        "title": title,
        "headline": None,
        "lead": [f"{lead} · {seconds:,.0f} s of training"],
        "sections": sections,
        "footer": FOOTER,
    }


def read_runs(folders: Sequence[Path]) -> list[OneRun]:
    """Read those of some runs that are finished.

    Raises:
        ValueError: none is, one cannot be read, or they are judged by different metrics.
    """
    bar = tqdm(folders, "Reading", unit=" runs", leave=False, delay=1, disable=None)
    runs = [_one_run(folder) for folder in bar if (folder / FILE).is_file()]
    if not runs:
        raise ValueError(
            f"none of {len(folders)} runs is finished, the first being {shown(folders[0])}: a report needs one"
        )
    first = runs[0]
    for run in runs:
        if run.results.headline.metric != first.results.headline.metric:
            raise ValueError(
                f"{run.name} is judged by {run.results.headline.metric}, {first.name} by "
                f"{first.results.headline.metric}: make a report of each kind"
            )
    return runs


def _one_run(folder: Path) -> OneRun:
    results = read_results(folder)
    own = {name: value for name, value in (results.settings or {}).items() if name != SEED}
    return OneRun(
        results,
        read_curves(folder),
        str(shown(folder.absolute())),
        f"{results.experiment} {written_settings(own, None)}".strip(),
    )


def groups_of(runs: Sequence[OneRun]) -> list[Group]:
    """Group runs by their settings, the best group first."""
    values: dict[str, list[float]] = {}
    for run in runs:
        values.setdefault(run.group, []).append(run.results.headline.value)
    by_name = (Group(*entry) for entry in sorted(values.items()))
    return sorted(by_name, key=lambda group: group.mean, reverse=runs[0].results.headline.direction == "max")


def _color(name: str, groups: Sequence[Group]) -> int:
    return min(next(place for place, group in enumerate(groups) if group.name == name), COLORS - 1)


def _headline_chart(runs: Sequence[OneRun], groups: Sequence[Group]) -> Part:
    metric = runs[0].results.headline.metric
    numbered = list(enumerate(runs, 1))
    drawn = []
    for group in groups:
        own = [(number, run) for number, run in numbered if run.group == group.name]
        points = [(number, run.results.headline.value) for number, run in own]
        names = [run.name for _, run in own]
        drawn.append(
            series(group.name, points, _color(group.name, groups), "dots", names=names, sizes=[4.5] * len(own))
        )
    return chart(
        f"test {metric}",
        "Each dot is a run, in the order given; a colour is a group of runs that differ in nothing but their seed.",
        Shown("run", as_="count"),
        Shown(metric, as_="metric"),
        drawn,
        {"pad": 0.03},
        {"pad": 0.1},
    )


def groups_table(groups: Sequence[Group], metric: str) -> Part:
    """Mean and spread of each group."""
    columns = [Shown("settings"), Shown("runs", as_="count")]
    columns += [Shown(name, as_="metric") for name in (f"mean {metric}", "standard deviation", "least", "largest")]
    return table("groups", columns, [[group.name, *spread(group.values)] for group in groups])


def spread(values: Sequence[float]) -> list[float | None]:
    """Summarise values by number, mean, standard deviation (None for one value), minimum and maximum."""
    deviation = rounded(stdev(values)) if len(values) > 1 else None
    return [len(values), rounded(fmean(values)), deviation, min(values), max(values)]


def runs_table(runs: Sequence[OneRun]) -> Part:
    """A row for each run, with a column for each setting in which they differ."""
    differing = _differing(runs)
    headline = runs[0].results.headline
    columns = [Shown("run"), Shown("seed", as_="count"), Shown(f"test {headline.metric}", as_="metric")]
    columns += [Shown("test n", as_="count"), Shown("best epoch", as_="count"), Shown("time", as_="seconds")]
    columns += [Shown("peak memory", as_="gigabytes"), *(Shown(name, as_=_format(name, runs)) for name in differing)]
    rows = []
    for run in runs:
        results, own = run.results, run.results.settings or {}
        figures = [run.name, results.seed, results.headline.value, results.test.n, results.best and results.best.epoch]
        cost = [results.fit.seconds, results.fit.peak_memory_bytes]
        rows.append([*figures, *cost, *(_cell(own[name]) if name in own else None for name in differing)])
    values = [run.results.headline.value for run in runs]
    return table("all runs, the best in bold", columns, rows, marked=values.index(BEST[headline.direction](values)))


def _cell(value: object) -> Any:
    """A setting in a table: a number as it is."""
    return setting(value) if isinstance(value, bool) or not isinstance(value, int | float) else value


def _format(name: str, runs: Sequence[OneRun]) -> str:
    """Choose how a setting is shown: as a number where it is one in all runs that have it."""
    own = [run.results.settings or {} for run in runs]
    values = [_cell(settings[name]) for settings in own if name in settings]
    return "text" if any(isinstance(value, str) for value in values) else "general"


def _differing(runs: Sequence[OneRun]) -> list[str]:
    """Settings, seed apart, that not all runs have alike."""
    names = sorted({name for run in runs for name in run.results.settings or {} if name != SEED})
    said = {
        name: {json.dumps((run.results.settings or {}).get(name, "–"), default=str) for run in runs} for name in names
    }
    return [name for name in names if len(said[name]) > 1][:MOST_COLUMNS]


def curve_parts(runs: Sequence[OneRun], groups: Sequence[Group]) -> list[Part]:
    """The validation of all runs over each other: the headline's, and the loss."""
    length = max(min(MOST_POINTS // len(runs), LONGEST_CURVE), 2)
    charts = []
    for metric in dict.fromkeys([runs[0].results.headline.metric, "loss"]):
        name = f"val/{metric}"
        drawn = [
            series(run.name, over_epochs(run.curves[name], length), _color(run.group, groups), group=run.group)
            for run in runs
            if name in run.curves
        ]
        if drawn:
            about = f"{metric} of the validation after each epoch, a line for each run; colours as above."
            charts.append(chart(name, about, Shown("epoch", as_="count"), Shown(metric, as_="metric"), drawn))
    return charts


def _unfinished(found: Sequence[FoundRun]) -> Part:
    columns = [Shown("run"), Shown("status"), Shown("reason")]
    return table(
        "runs without a result", columns, [[str(shown(one.folder.absolute())), one.state, one.note] for one in found]
    )
