from pathlib import Path

from lightsmith.records.status import write_status
from lightsmith.studies.sweeps.compared_runs import compared_names, compared_options, has_ended, recorded
from tests.planned_sweep import ended, planned

SPACE = "method: grid\nparameters: {trainer.max_epochs: {value: 2}, model.lr: {values: [0.1, 0.2, 0.3]}}\n"


def test_the_winner_has_its_settings_and_the_default_what_holds_for_all() -> None:
    trials = planned(SPACE)
    for number, value in ((1, 0.5), (2, 0.9), (3, 0.1)):
        ended(trials, number, "finished", value)
    winner = compared_options(trials, "winner-0002-seed-4")
    assert winner == ["--trainer.max_epochs=2", "--model.lr=0.2", "--seed_everything=4"]
    assert compared_options(trials, "default-seed-4") == ["--trainer.max_epochs=2", "--seed_everything=4"]


def test_a_run_has_ended_with_its_record_or_its_failure() -> None:
    for name, state, has_record in (("a", "finished", True), ("b", "finished", False), ("c", "failed", False)):
        Path(name).mkdir()
        write_status(Path(name), state)  # type: ignore[arg-type]  # one of its states
        if has_record:
            Path(name, "results.json").touch()
    assert [has_ended(Path(name)) for name in ("a", "b", "c", "d")] == [True, False, True, False]


def test_what_is_compared_are_the_runs_with_a_record() -> None:
    trials = planned(SPACE)
    assert compared_names(trials) == {}  # without a winner
    ended(trials, 1, "finished", 0.5)
    for name in ("winner-0001-seed-2", "default-seed-3"):
        Path(name).mkdir()
    Path("winner-0001-seed-2/results.json").touch()
    assert recorded(trials) == [Path("winner-0001-seed-2")]


def test_more_trials_may_have_another_winner_whose_runs_are_its_own() -> None:
    trials = planned(SPACE)
    ended(trials, 1, "finished", 0.5)
    assert list(compared_names(trials)) == ["default", "winner-0001"]
    ended(trials, 2, "finished", 0.6)
    assert list(compared_names(trials)) == ["default", "winner-0002"]
