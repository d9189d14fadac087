"""The panels of a dashboard that draw what runs have logged."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from lightsmith.reports.curves import over_epochs, over_steps
from lightsmith.reports.dashboards.board import Board, last
from lightsmith.reports.dashboards.groups import RunGroup, differing_settings
from lightsmith.reports.dashboards.spec import Panel
from lightsmith.reports.parts import Part, Shown, chart, series, table
from lightsmith.reports.run_list import setting
from lightsmith.reports.several_page import LONGEST_CURVE, MOST_COLUMNS, MOST_POINTS, spread
from lightsmith.terminal import listed

DOT, MEAN = 4, 7  # radius in pixels of a run, and of a group's mean
SECONDS = "seconds"  # what the name of a duration ends with


def curves(board: Board, panel: Panel) -> list[Part]:
    """A line for each run and metric, in the colour of its group; of several metrics, all but the first are dashed."""
    logged = [(group, run, metric) for metric in panel.metrics for group in board.having(metric) for run in group.runs]
    length = max(min(MOST_POINTS // len(logged), LONGEST_CURVE), 2)
    points = {"epoch": over_epochs, "step": over_steps}[panel.over]
    of = "" if len(panel.metrics) == 1 else " {}"
    drawn = [
        series(
            run.name + of.format(metric),
            points(run.curves[metric], length),
            group.color,
            dashed=metric != panel.metrics[0],
            group=group.name + of.format(metric),
        )
        for group, run, metric in logged
    ]
    about = f"{listed(panel.metrics)} over {panel.over}s: a line for each run, in the colour of its group."
    return [chart(panel.title, about, Shown(panel.over, as_="count"), _upright(panel), drawn)]


def bars(board: Board, panel: Panel) -> list[Part]:
    """The last values of runs as dots, the means of groups as larger ones, and both as a table."""
    first, *others = panel.metrics
    names = panel.metrics if others else [group.name for group in board.having(first)]
    drawn: list[dict[str, Any]] = []
    rows = []
    for metric in panel.metrics:
        for group in board.having(metric):
            place = 1 + names.index(metric if others else group.name)
            drawn += _dots(group, metric, place)
            rows.append([group.name, metric, *spread([run.curves[metric].values[-1] for run in group.runs])])
    numbered = ", ".join(f"{number} {name}" for number, name in enumerate(names, 1))
    about = f"Each run's last value, and larger the mean of a group. From left to right: {numbered}."
    across = Shown("metric" if others else "group", as_="count")
    axis = {"low": 0.5, "high": len(names) + 0.5}
    columns = [Shown("group"), Shown("metric"), Shown("runs", as_="count")]
    columns += [Shown(n, as_=_format(first)) for n in ("mean", "standard deviation", "least", "largest")]
    dots = chart(panel.title, about, across, _upright(panel), drawn, axis, {"pad": 0.1})
    return [dots, table(f"{panel.title}, by group", columns, rows)]


def _dots(group: RunGroup, metric: str, place: int) -> Iterator[dict[str, Any]]:
    """A dot for each run of a group, and one for their mean."""
    values = [run.curves[metric].values[-1] for run in group.runs]
    names = [run.name for run in group.runs]
    places = [(place, value) for value in values]
    yield series(group.name, places, group.color, "dots", names=names, sizes=[DOT] * len(values))
    if len(values) > 1:
        mean = [(place, fmean(values))]
        yield series(group.name, mean, group.color, "dots", names=[f"mean of {group.name}"], sizes=[MEAN])


def scatter(board: Board, panel: Panel) -> list[Part]:
    """A dot for each run: the last value of a metric over that of another."""
    across, up = panel.metrics
    drawn = []
    for group in board.having(across, up):
        places = [(run.curves[across].values[-1], run.curves[up].values[-1]) for run in group.runs]
        names = [run.name for run in group.runs]
        drawn.append(series(group.name, places, group.color, "dots", names=names, sizes=[DOT] * len(names)))
    about = f"The last {up} of each run over its last {across}, in the colour of its group."
    axes = Shown(across, as_=_format(across)), Shown(up, as_=_format(up))
    return [chart(panel.title, about, *axes, drawn, {"pad": 0.05}, {"pad": 0.1})]


def runs_table(board: Board, panel: Panel) -> list[Part]:
    """A row for each run: how it stands, its settings that differ, and its last metrics."""
    differing = differing_settings(board.runs)[:MOST_COLUMNS]
    grouped = bool(board.spec.group_by)
    columns = [Shown("run"), *([Shown("group")] if grouped else []), Shown("status"), Shown("seed", as_="count")]
    columns += map(Shown, differing)
    columns += [Shown(metric, as_=_format(metric)) for metric in panel.metrics]
    of_run = [(run, group.name) for group in board.groups for run in group.runs]
    rows = []
    for run, group in of_run:
        own = [setting(run.settings[name]) if name in run.settings else None for name in differing]
        figures = [last(run, metric) for metric in panel.metrics]
        name = [run.name, group] if grouped else [run.name]
        rows.append([*name, run.found.state, run.found.seed, *own, *figures])
    return [table(panel.title, columns, rows)]


def _upright(panel: Panel) -> Shown:
    """The upright axis of what may be several metrics."""
    return Shown(panel.metrics[0] if len(panel.metrics) == 1 else "value", as_=_format(panel.metrics[0]))


def _format(metric: str) -> str:
    return "seconds" if metric.endswith(SECONDS) else "metric"
