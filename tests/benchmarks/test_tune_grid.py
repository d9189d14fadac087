import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import tune_grid
from lightsmith.records.parts import Headline
from lightsmith.records.results import write_results
from lightsmith.studies.child_runs import ChildRun
from tests.lightsmith.records.test_results import RESULTS

RECORD = {"option": "model.lr", "value": 0.01, "suggested": 0.018, "steepest": 0.0151, "valley": 0.002}


def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs that take no time and get 90% at a rate of 0.02, and a point less for each 0.01 farther away."""
    made: list[str] = []

    def run_experiment(name: str, *, options: Sequence[str], runs: Path, shows: bool) -> ChildRun:
        rate = float(dict(option.split("=") for option in options)["--model.lr"])
        made.append(f"{name} {rate:g}")
        folder = runs / name / "20261126-000000"
        folder.mkdir(parents=True)
        headline = Headline("accuracy", 0.9 - abs(rate - 0.02), "max")
        write_results(replace(RESULTS, headline=headline, fit=replace(RESULTS.fit, steps=500, seconds=10.0)), folder)
        return ChildRun(0, folder, "", 1.0)

    def run_verb(*_: str, folder: Path) -> None:
        made.append("tune")
        (folder / "runs/mnist_mlp/20261126-000000-tune").mkdir(parents=True)
        record = json.dumps({**RECORD, "rates": [1] * 50, "rate_seconds": 0.5})
        (folder / "runs/mnist_mlp/20261126-000000-tune/tune.json").write_text(record)

    monkeypatch.setattr(tune_grid, "run_experiment", run_experiment)
    monkeypatch.setattr(tune_grid, "run_verb", run_verb)
    monkeypatch.setattr(tune_grid, "clean_commit", lambda: "abc1234")
    return made


def test_a_row_says_how_far_each_suggestion_is_from_the_best_of_nine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = stand_in(monkeypatch)
    tune_grid.main("mnist_mlp", tmp_path, seeds=2)
    lines = capsys.readouterr().out.splitlines()
    gaps = "+0.20 at 0.018 | +0.50 at 0.015 | +1.80 at 0.002"
    assert lines[2] == f"| `mnist_mlp`, 1 | 0.9000 at 0.02 | {gaps} | 10.0% | 5.0% |"
    assert lines[-1].startswith("within 0.3: suggested 2 of 2, steepest 0 of 2, valley 0 of 2; sample; ")
    assert len(made) == 2 * (1 + 9 + 3)


def test_what_was_made_is_not_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = stand_in(monkeypatch)
    tune_grid.main("mnist_mlp", tmp_path, seeds=1)
    before = len(made)
    tune_grid.main("mnist_mlp", tmp_path, seeds=1)
    assert len(made) == before
