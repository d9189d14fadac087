"""A dashboard as a page that opens from disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightsmith.records.results import FILE
from lightsmith.reports.comparison_parts import answer_parts, comparison_parts
from lightsmith.reports.dashboards.board import Board
from lightsmith.reports.dashboards.charts import bars, curves, runs_table, scatter
from lightsmith.reports.dashboards.spec import Panel
from lightsmith.reports.parts import Part, section, text
from lightsmith.reports.search_parts import history_chart, importance_table, parallel_lines
from lightsmith.reports.several_page import FOOTER
from lightsmith.run_folder import LEDGER


def board_page(board: Board) -> dict[str, Any]:
    """The figures of a dashboard's page."""
    return {
        "title": board.title,
        "headline": None,
        "lead": [*filter(None, [board.spec.about]), _standing(board)],
        "sections": [
            section(one.title, [part for panel in one.panels for part in parts_of(board, panel)])
            for one in board.sections
        ],
        "footer": FOOTER,
    }


def _standing(board: Board) -> str:
    """Count the runs by state, and their groups."""
    states = [run.found.state for run in board.runs]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    groups = f" · groups: {len(board.groups)}" if board.spec.group_by else ""
    return f"runs: {counted}{groups}"


def parts_of(board: Board, panel: Panel) -> list[Part]:
    """A panel as parts of a page."""
    return PARTS[panel.kind](board, panel)


def _history(board: Board, panel: Panel) -> list[Part]:
    (metric,) = panel.metrics
    return [history_chart(board.trials(metric), board.highest_is_best(metric))]


def _parallel(board: Board, panel: Panel) -> list[Part]:
    (metric,) = panel.metrics
    lines = parallel_lines(board.trials(metric), board.highest_is_best(metric))
    return [lines or text("No setting is known in which these runs differ.", muted=True)]


def _importance(board: Board, panel: Panel) -> list[Part]:
    if board.sweep is None or not board.sweep.importance:
        return [text("Which settings mattered is computed at the end of a sweep.", muted=True)]
    return [importance_table(board.sweep.importance)]


def _comparison(board: Board, panel: Panel) -> list[Part]:
    """Return the comparison that a sweep recorded at its end, or compare the runs that are finished."""
    if board.sweep is not None and board.sweep.comparison is not None:
        return answer_parts(board.sweep.comparison)
    tested = [run.found.folder for run in board.runs if (run.found.folder / FILE).is_file()]
    return comparison_parts(tested) if tested else [text("No run has been tested, so none is compared.", muted=True)]


def _ledger(board: Board, panel: Panel) -> list[Part]:
    if board.study is None or not (board.study / LEDGER).is_file():
        return [text("The ledger is written at the end of make compress.", muted=True)]
    from lightsmith.reports.ledger_page import ledger_parts  # torch takes seconds to import

    return ledger_parts(board.study)


PARTS: dict[str, Callable[[Board, Panel], list[Part]]] = {
    "curves": curves,
    "bars": bars,
    "scatter": scatter,
    "runs": runs_table,
    "history": _history,
    "parallel": _parallel,
    "importance": _importance,
    "comparison": _comparison,
    "ledger": _ledger,
    "text": lambda _, panel: [text(panel.text)],
}
