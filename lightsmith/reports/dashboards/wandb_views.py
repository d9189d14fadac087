"""A dashboard as Weights & Biases has it: a workspace, to look on while runs go on, and a report, to read and share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
from wandb_workspaces import expr

from lightsmith.reports.dashboards.board import Board
from lightsmith.reports.dashboards.groups import config_key, wandb_keys
from lightsmith.reports.dashboards.markdown import markdown
from lightsmith.reports.dashboards.page import parts_of
from lightsmith.reports.dashboards.spec import Panel
from lightsmith.reports.search_parts import searched
from lightsmith.settings.experiments import config_of

COLUMNS, WIDTH, HEIGHT = 2, 12, 8  # of panels beside each other in a report, in units of its grid
LONGEST_TITLE = 128
MOST_RUNS = 100  # of a panel; ten when unset
# What Lightning's logger counts steps by; epochs are logged like a metric.
OVER = {"epoch": "epoch", "step": "trainer/global_step"}


class Home(NamedTuple):
    """The owner of views and runs at Weights & Biases, a person or team, and a project of theirs."""

    entity: str
    project: str


def workspace(board: Board, home: Home) -> ws.Workspace:
    """Build the workspace of a dashboard, without saving it."""
    sections = [
        ws.Section(one.title, [_panel(board, panel) for panel in one.panels], is_open=True) for one in board.sections
    ]
    keys = [key.partition(".")[::2] for key in wandb_keys(board.spec.group_by, board.runs)]
    grouping: list[Any] = [expr.Metric("Group") if place == "run" else expr.Config(name) for place, name in keys]
    runset = ws.RunsetSettings(filters=_filters(board), groupby=grouping)
    return ws.Workspace(*home, board.title, sections, runset_settings=runset)


def report(board: Board, home: Home, asks_server: bool) -> wr.Report:
    """Build the report of a dashboard, without saving it.

    Args:
        asks_server: look up the number of the project, which a report's runs need; without it, a draft.
    """
    runset = wr.Runset(
        *(home if asks_server else ("", "")),
        filters=_filters(board),
        groupby=wandb_keys(board.spec.group_by, board.runs),
    )
    blocks: list[Any] = []
    if board.spec.about:
        blocks.append(wr.P(board.spec.about))
    for one in board.sections:
        panels = [_panel(board, panel) for panel in one.panels]
        for place, panel in enumerate(panels):
            row, column = divmod(place, COLUMNS)
            panel.layout = wr.Layout(column * WIDTH, row * HEIGHT, WIDTH, HEIGHT)
        blocks += [wr.H1(one.title), wr.PanelGrid(runsets=[runset], panels=panels)]
    title = board.title[:LONGEST_TITLE]
    return wr.Report(home.project, home.entity, title, board.spec.about, blocks, width="fluid")


def _filters(board: Board) -> expr.And | str:
    """The groups of the runs that are shown; none where all runs are, later ones too."""
    if board.shows_all:
        return ""
    groups = list(dict.fromkeys(run.place.group for run in board.runs))
    return expr.And(expr.Metric("Group").isin(groups))


def _panel(board: Board, panel: Panel) -> Any:
    return PANELS.get(panel.kind, _text)(board, panel)


def _curves(board: Board, panel: Panel) -> wr.LinePlot:
    return wr.LinePlot(
        panel.title, OVER[panel.over], list(panel.metrics), groupby_aggfunc="mean", groupby_rangefunc="minmax"
    )


def _bars(board: Board, panel: Panel) -> wr.BarPlot:
    grouped: dict[str, Any] = {"groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
    return wr.BarPlot(panel.title, list(panel.metrics), max_runs_to_show=MOST_RUNS, **grouped)


def _scatter(board: Board, panel: Panel) -> wr.ScatterPlot:
    across, up = map(wr.SummaryMetric, panel.metrics)
    return wr.ScatterPlot(panel.title, across, up)


def _history(board: Board, panel: Panel) -> wr.ScatterPlot:
    """The metric over when a run began, with the best so far."""
    (metric,) = panel.metrics
    best: dict[str, Any] = {"running_ymax" if board.highest_is_best(metric) else "running_ymin": True}
    return wr.ScatterPlot(panel.title, wr.Metric("CreatedTimestamp"), wr.SummaryMetric(metric), **best)


def _parallel(board: Board, panel: Panel) -> wr.ParallelCoordinatesPlot:
    (metric,) = panel.metrics
    trials, settings = board.trials(metric), config_of(board.runs[0].found.folder)
    keys = [key.removeprefix("config.") for name in searched(trials) if (key := config_key(settings, name))]
    axes: list[Any] = [*map(wr.Config, keys), wr.SummaryMetric(metric)]
    return wr.ParallelCoordinatesPlot([wr.ParallelCoordinatesPlotColumn(axis) for axis in axes], panel.title)


def _text(board: Board, panel: Panel) -> wr.MarkdownPanel:
    """Write in words and tables, as the page does, what Weights & Biases cannot draw."""
    return wr.MarkdownPanel(markdown(panel.title, parts_of(board, panel)))


PANELS: dict[str, Callable[[Board, Panel], Any]] = {
    "curves": _curves,
    "bars": _bars,
    "scatter": _scatter,
    "runs": lambda *_: wr.RunComparer("split"),
    "history": _history,
    "parallel": _parallel,
    "importance": lambda _, panel: wr.ParameterImportancePlot(*panel.metrics),
}
