from __future__ import annotations

from pathlib import Path

import pytest

from lightsmith.reports.dashboards.board import Board
from lightsmith.reports.dashboards.charts import bars, curves, runs_table, scatter
from lightsmith.reports.dashboards.spec import Panel, read_spec
from tests.lightsmith.reports.dashboards.made_boards import write_seeds


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(read_spec("seeds"), str(write_seeds(tmp_path / "mnist_mlp/20260101-000000-seeds", 2)))


def test_each_metric_of_each_run_has_a_line_and_all_but_the_first_are_dashed(board: Board) -> None:
    (drawn,) = curves(board, Panel("curves", ("val/loss", "train/loss"), "Loss", "step"))
    assert [(line["name"], line["dashed"]) for line in drawn["series"]] == [
        ("seed-1 val/loss", False),
        ("seed-2 val/loss", False),
        ("seed-1 train/loss", True),
        ("seed-2 train/loss", True),
    ]
    assert drawn["series"][0]["xy"][::2] == [15, 31, 47, 63]
    assert {line["color"] for line in drawn["series"]} == {0}


def test_bars_of_one_metric_stand_by_group_and_of_several_by_metric(board: Board) -> None:
    dots, table = bars(board, Panel("bars", ("test/accuracy",), "Test"))
    assert [one["xy"] for one in dots["series"]] == [[1, 0.91, 1, 0.92], [1, 0.915]]
    assert table["rows"][0][2:] == [2, 0.915, pytest.approx(0.00707107), 0.91, 0.92]
    dots, _ = bars(board, Panel("bars", ("test/accuracy", "test/loss"), "Test"))
    assert [one["xy"][0] for one in dots["series"]] == [1, 1, 2, 2]
    assert dots["about"].endswith("1 test/accuracy, 2 test/loss.")


def test_a_dot_and_a_row_for_each_run(board: Board) -> None:
    (drawn,) = scatter(board, Panel("scatter", ("fit/seconds", "test/accuracy"), "Time"))
    assert drawn["series"][0]["xy"] == [13.5, 0.91, 14.5, 0.92]
    (table,) = runs_table(board, Panel("runs", ("fit/seconds", "test/accuracy"), "Runs"))
    assert [column["as"] for column in table["columns"]] == ["text", "text", "text", "count", "seconds", "metric"]
    assert [row[-1] for row in table["rows"]] == [0.91, 0.92]
