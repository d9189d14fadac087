import json
from dataclasses import replace
from pathlib import Path

import pytest

from lightsmith.studies.sweeps.sweep import FILE, SPACE, Sweep, read_sweep, trial_name
from tests.planned_sweep import BAYES, sweep_of


def written() -> Sweep:
    sweep = sweep_of(BAYES)
    sweep.study.write()
    sweep.write()
    return sweep


def test_a_sweep_is_read_as_it_was_written() -> None:
    sweep = written()
    assert read_sweep(Path()) == sweep
    assert read_sweep(Path()).with_trials(9).plan.trials == read_sweep(Path()).plan.trials == 9
    assert json.loads(Path(FILE).read_text())["schema"] == 1


def test_the_copy_of_the_space_is_what_counts(tmp_path: Path) -> None:
    edited = tmp_path / "mine.yaml"
    edited.write_text(BAYES.replace("bayes", "random"))
    sweep = written()
    sweep.write(edited)
    assert read_sweep(Path()).space.method == "random"
    assert Path(SPACE).read_bytes() == edited.read_bytes()


def test_the_runs_at_the_end_have_seeds_that_no_trial_had() -> None:
    assert list(sweep_of(BAYES).compared_seeds) == [2, 3, 4, 5, 6]  # the trials had 1


def test_names_of_trials_are_in_order() -> None:
    assert [trial_name(number) for number in (1, 20, 12345)] == ["trial-0001", "trial-0020", "trial-12345"]


@pytest.mark.parametrize("content", ["{", "{}", '{"schema": 1, "colour": "red"}'])
def test_what_is_no_sweep_is_one_line(content: str) -> None:
    sweep = written()
    Path(FILE).write_text(content)
    with pytest.raises(ValueError, match=r"sweep\.json is not what a sweep writes"):
        read_sweep(Path())
    replace(sweep.study, kind="seeds").write()
    with pytest.raises(ValueError, match="is a study of seeds, no sweep"):
        read_sweep(Path())
    with pytest.raises(ValueError, match=r"holds no study\.json"):
        read_sweep(Path("nowhere"))


def test_a_database_is_not_for_a_sweep_that_has_a_journal() -> None:
    written()
    with pytest.raises(ValueError, match="keeps its trials in a journal file"):
        read_sweep(Path(), "postgresql://host/database")
