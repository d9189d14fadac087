from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import wandb

from lightsmith.reports.dashboards.board import Board
from lightsmith.reports.dashboards.send import draft
from lightsmith.reports.dashboards.spec import read_spec, shipped
from tests.conftest import Cli
from tests.lightsmith.reports.dashboards.made_boards import metrics_in, write_seeds, write_sweep

ATTACKED = "--trainer.callbacks+=callbacks.robustness_test.RobustnessTest"


@pytest.fixture
def run(experiment: Cli, tmp_path: Path) -> Path:
    """A small run with everything that the shipped dashboards show."""
    options = ("--data.train_size=100", "--trainer.max_epochs=2", "--trainer.log_every_n_steps=1")
    outcome = experiment("mnist_mlp", *options, ATTACKED)
    assert (outcome.code, outcome.err) == (0, "")
    wandb.teardown()  # which waits for the last block of the offline record
    return (tmp_path / "runs/mnist_mlp/latest").resolve()


@pytest.mark.slow
def test_what_the_shipped_dashboards_name_is_exactly_what_a_run_logs(run: Path) -> None:
    (recorded,) = run.glob("wandb/offline-run-*/*.wandb")
    logged = set(re.findall(r"\b(?:train|val|test|fit|robustness)/\w+", recorded.read_bytes().decode("latin-1")))
    columns = set((run / "metrics.csv").read_text().splitlines()[0].split(","))
    assert columns - {"epoch", "step"} <= logged
    for name in shipped():
        spec = read_spec(name)
        named = {metric for section in spec.sections for panel in section.panels for metric in panel.metrics}
        board = Board(spec, str(run))
        views = draft(board)
        meant = {metric for section in board.sections for panel in section.panels for metric in panel.metrics}
        in_table = {m for s in board.sections for p in s.panels if p.kind == "runs" for m in p.metrics}
        for view in views.values():
            assert metrics_in(view) <= columns
            assert metrics_in(view) >= meant - in_table
        assert len(meant) >= len(named)


def test_a_sweeps_dashboard_needs_nothing_of_the_test_split() -> None:
    spec = read_spec("sweep")
    named = {metric for section in spec.sections for panel in section.panels for metric in panel.metrics}
    assert not any(name.startswith("test/") for name in named)


def panels_of(view: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The panels of a workspace, with the title of their section."""
    sections = view["spec"]["section"]["panelBankConfig"]["sections"]
    return [(section["name"], panel) for section in sections for panel in section["panels"]]


def test_a_workspace_has_the_sections_groups_and_runs_of_the_dashboard(tmp_path: Path) -> None:
    study = write_seeds(tmp_path / "mnist_mlp/20260101-000000-seeds")
    spec = read_spec("seeds")
    view = draft(Board(spec, str(study)))["workspace"]
    assert list(dict.fromkeys(title for title, _ in panels_of(view))) == [section.title for section in spec.sections]
    (runset,) = view["spec"]["section"]["runSets"]
    assert runset["grouping"] == [{"section": "run", "name": "group"}]
    assert "mnist_mlp-20260101-000000-seeds" in json.dumps(runset["filters"])
    curves = next(panel for _, panel in panels_of(view) if panel["viewType"] == "Run History Line Plot")
    assert curves["config"]["metrics"] == ["val/accuracy"]
    assert curves["config"]["xAxis"] == "epoch"


def test_a_sweeps_settings_go_by_their_paths_in_the_configuration(tmp_path: Path) -> None:
    study = write_sweep(tmp_path / "mnist_mlp/20260101-000000-sweep")
    view = draft(Board(read_spec("sweep"), str(study)))["workspace"]
    parallel = next(panel for _, panel in panels_of(view) if panel["viewType"] == "Parallel Coordinates Plot")
    accessors = [column["accessor"] for column in parallel["config"]["columns"]]
    assert accessors == ["config:model.value.init_args.lr", "summary:val/accuracy"]
    importance = next(panel for _, panel in panels_of(view) if panel["viewType"] == "Parameter Importance")
    assert importance["config"]["targetKey"] == "val/accuracy"
