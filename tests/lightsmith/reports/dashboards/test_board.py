from __future__ import annotations

from pathlib import Path

import pytest

from lightsmith.reports.dashboards.board import Board, last
from lightsmith.reports.dashboards.spec import read_spec
from tests.lightsmith.reports.dashboards.made_boards import write_one, write_seeds, write_sweep


def test_the_trials_of_a_sweep_are_those_of_its_record_without_the_runs_compared_at_its_end(tmp_path: Path) -> None:
    board = Board(read_spec("sweep"), str(write_sweep(tmp_path / "mnist_mlp/20260101-000000-sweep")))
    trials = board.trials("val/accuracy")
    assert [(trial.name, trial.settings) for trial in trials] == [
        ("trial-0001", {"model.lr": 0.1}),
        ("trial-0002", {"model.lr": 0.01}),
        ("trial-0003", {"model.lr": 0.001}),
    ]
    assert [trial.value for trial in trials] == [max(run.curves["val/accuracy"].values) for run in board.runs[1:4]]
    assert (board.highest_is_best("val/accuracy"), board.highest_is_best("val/loss")) == (True, False)
    assert board.title == "Sweep: mnist_mlp-20260101-000000-sweep"


def test_a_group_has_those_of_its_runs_that_logged_what_is_asked(tmp_path: Path) -> None:
    study = write_seeds(tmp_path / "mnist_mlp/20260101-000000-seeds")
    text = (study / "seed-2/metrics.csv").read_text()
    (study / "seed-2/metrics.csv").write_text(text.replace("val/loss", "val/loser"))
    board = Board(read_spec("seeds"), str(study))
    assert [len(group.runs) for group in board.having("val/accuracy")] == [3]
    assert [len(group.runs) for group in board.having("val/accuracy", "val/loss")] == [2]
    assert [last(run, "val/loss") is None for run in board.runs] == [False, True, False]


def test_a_mistake_names_the_dashboard(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dashboard robustness: robustness/\* is logged by none"):
        Board(read_spec("robustness"), str(write_one(tmp_path / "a")))


def test_only_a_dashboard_of_all_runs_has_later_ones_too() -> None:
    write_one(Path("runs/mnist_mlp/20260101-000000"))
    assert Board(read_spec("overview")).shows_all
    assert not Board(read_spec("overview"), "runs").shows_all
