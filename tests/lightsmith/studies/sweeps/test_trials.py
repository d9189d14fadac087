import pytest
from optuna.trial import TrialState

from lightsmith.studies.sweeps.trials import ENDED, FAILURES
from tests.planned_sweep import BAYES, GRID, ended, planned


def test_all_trials_are_written_down_at_once_however_often_that_is_done() -> None:
    planned()
    again = planned(trials=5)
    assert [trial.number for trial in again.all()] == [0, 1, 2, 3, 4]
    assert {trial.state for trial in again.all()} == {TrialState.WAITING}


def test_a_trial_keeps_what_was_drawn_for_it_whoever_asks() -> None:
    first, second = planned(), planned()
    drawn = first.draw(2)
    assert second.draw(2) == drawn
    assert second.draw(1) != drawn
    assert [trial.state.name for trial in first.all()] == ["RUNNING", "RUNNING", "WAITING"]


def test_a_grid_is_gone_through_in_order() -> None:
    trials = planned(GRID, trials=4)
    assert [trials.draw(number) for number in (1, 2, 3, 4)] == [
        {"model.lr": 0.1, "model.k": 1},
        {"model.lr": 0.1, "model.k": 2},
        {"model.lr": 0.2, "model.k": 1},
        {"model.lr": 0.2, "model.k": 2},
    ]


def test_the_value_is_the_best_of_the_validations_and_the_best_trial_has_the_best_value() -> None:
    trials = planned()
    assert ended(trials, 1, "finished", 0.5, 0.7, 0.6)
    assert ended(trials, 2, "finished", 0.9, 0.1)
    assert ended(trials, 3, "pruned", 0.95)
    assert [trial.value for trial in trials.all()][:2] == [0.7, 0.9]
    best = trials.best()
    assert best is not None
    assert best.number == 1  # the second; one that was pruned is no candidate
    lowest = planned(direction="min").best()
    assert lowest is None or lowest.number == 0


def test_reporting_a_validation_again_changes_nothing() -> None:
    trials = planned()
    trials.draw(1)
    for validation, value in ((1, 0.5), (2, 0.6), (1, 0.5)):
        trials.report(1, validation, value)
    assert trials.read(1).intermediate_values == {1: 0.5, 2: 0.6}


def test_a_trial_that_fails_is_tried_once_more() -> None:
    trials = planned()
    assert not ended(trials, 1, "failed")
    assert trials.read(1).user_attrs[FAILURES] == ["it failed"]
    assert trials.read(1).state == TrialState.RUNNING
    assert ended(trials, 1, "failed")
    assert trials.read(1).state == TrialState.FAIL
    assert trials.settle(1)  # again: it has ended already


@pytest.mark.parametrize("outcome", ["pruned", "not finite", "out of memory"])
def test_what_the_settings_led_to_is_no_failure(outcome: str) -> None:
    trials = planned()
    assert ended(trials, 1, outcome)
    assert trials.read(1).state == TrialState.PRUNED


def test_a_trial_without_a_figure_is_not_finite() -> None:
    trials = planned()
    assert ended(trials, 1, "finished")
    assert trials.read(1).user_attrs[ENDED]["outcome"] == "not finite"
    assert trials.best() is None


def test_a_run_that_was_interrupted_has_not_ended() -> None:
    trials = planned()
    trials.draw(1)
    assert not trials.settle(1)


def test_a_run_that_is_killed_at_one_place_again_and_again_is_out_of_memory() -> None:
    trials = planned()
    trials.draw(1)
    trials.killed(1)
    trials.report(1, 1, 0.5)
    for _ in range(2):
        trials.killed(1)
        assert not trials.settle(1)
    trials.killed(1)
    assert trials.settle(1)
    assert trials.read(1).user_attrs[ENDED]["outcome"] == "out of memory"


def test_a_trial_worse_than_the_median_is_pruned() -> None:
    trials = planned(f"{BAYES}early_terminate: {{type: median, min_iter: 2}}\n", trials=7)
    for number in range(1, 6):
        ended(trials, number, "finished", 0.5, 0.6, 0.7)
    trials.draw(6)
    assert [trials.report(6, 1, 0.1), trials.report(6, 2, 0.1)] == [False, True]  # the first is everybody's
    trials.draw(7)
    assert [trials.report(7, 1, 0.9), trials.report(7, 2, 0.9)] == [False, False]
