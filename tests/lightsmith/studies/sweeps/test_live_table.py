import pytest

from lightsmith.studies.sweeps.live_table import LiveTable, clock, outcome_of, short, table_of
from tests.planned_sweep import ended, planned


def test_without_a_terminal_each_trial_that_ends_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    trials = planned("method: grid\nparameters: {model.lr: {values: [0.123456, 0.2]}, model.k: {min: 1, max: 2}}\n")
    with LiveTable(trials) as table:
        table.show()
        ended(trials, 1, "finished", 0.5)
        table.show()
        table.show()
        ended(trials, 2, "not finite")
        table.show()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("trial 1    finished  val/accuracy 0.5000  model.lr=0.123  model.k=1")
    assert "(1 of 3 trials; about 0 s left)" in first
    assert second.startswith("trial 2    not finite  model.lr=0.123  model.k=2  it not finite  (2 of 3")


def test_trials_that_had_ended_before_are_not_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    trials = planned()
    ended(trials, 1, "finished", 0.5)
    with LiveTable(trials) as table:
        table.show()
    assert capsys.readouterr().out == ""


def test_the_table_has_a_row_for_each_trial_and_marks_the_best() -> None:
    trials = planned()
    ended(trials, 1, "finished", 0.5, 0.75)
    table = table_of(trials, trials.all(), marked=trials.best())
    cells = [list(column.cells) for column in table.columns]
    assert cells[:4] == [["1 ←", "2", "3"], ["finished", "waiting", "waiting"], ["0.7500", "", ""], ["2", "", ""]]


def test_a_trial_that_failed_once_runs_again() -> None:
    trials = planned()
    ended(trials, 1, "failed")
    assert [outcome_of(trial) for trial in trials.all()] == ["running again", "waiting", "waiting"]


def test_times_and_values_are_short() -> None:
    assert [clock(seconds) for seconds in (8.4, 89, 91, 7500)] == ["8 s", "89 s", "2 min", "2 h 05 min"]
    assert [short(value) for value in (0.0031234567, "x" * 50, [1])] == ["0.00312", "x" * 38 + " …", "[1]"]
