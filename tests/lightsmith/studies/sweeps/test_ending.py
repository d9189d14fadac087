import json
from pathlib import Path

import pytest

from lightsmith.studies.study import read_study
from lightsmith.studies.sweeps.ending import end_sweep, has_result, importance_of
from lightsmith.studies.sweeps.sweep import TRIALS
from tests.planned_sweep import ended, planned

GRID = "method: grid\nparameters: {model.lr: {values: [0.1, 0.2, 0.3]}, model.k: {values: [1, 2]}}\n"


def test_the_setting_that_moves_the_value_is_the_important_one() -> None:
    trials = planned(GRID, trials=6)
    for number in range(1, 7):
        ended(trials, number, "finished", 0.1 * trials.draw(number)["model.lr"])
    importance = importance_of(trials)
    assert list(importance) == ["model.lr", "model.k"]
    assert importance["model.lr"] > 0.95


def test_without_two_different_values_nothing_is_important() -> None:
    trials = planned(GRID)
    for number in (1, 2, 3):
        ended(trials, number, "finished", 0.5)
    assert importance_of(trials) == {}


def test_a_sweep_in_which_nothing_finished_says_so_and_keeps_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    trials = planned(GRID, trials=2)
    ended(trials, 1, "not finite", 0.25)
    for _ in range(2):
        ended(trials, 2, "failed")
    assert not has_result(trials.sweep)
    assert end_sweep(trials) == 1
    assert has_result(trials.sweep)
    assert "nothing to compare" in capsys.readouterr().out
    record = json.loads(Path(TRIALS).read_text())
    assert (record["best"], record["importance"], record["comparison"]) == (None, {}, None)
    first, second = record["trials"]
    assert (first["name"], first["outcome"], first["validations"]) == ("trial-0001", "not finite", [0.25])
    assert (second["outcome"], second["reason"]) == ("failed", "it failed")
    assert first["settings"] == {"model.lr": 0.1, "model.k": 1}
    members = read_study(Path()).members
    assert [(member.name, member.options) for member in members] == [
        ("trial-0001", ["--model.lr=0.1", "--model.k=1"]),
        ("trial-0002", ["--model.lr=0.1", "--model.k=2"]),
    ]
