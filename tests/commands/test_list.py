from lightsmith.settings.experiments import experiment_files
from tests.conftest import Cli


def test_list_shows_every_experiment_and_how_to_run_it(lightsmith: Cli) -> None:
    outcome = lightsmith("list")
    assert outcome.code == 0
    assert all(name in outcome.out for name in experiment_files())
    assert "_defaults" not in outcome.out
    assert "gradual_unfreezing" not in outcome.out
    assert "make exp NAME=" in outcome.out


def test_the_list_fits_80_columns_with_a_line_for_each_experiment(lightsmith: Cli) -> None:
    lines = lightsmith("list").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[: len(experiment_files())]] == list(experiment_files())
    assert lines[: len(experiment_files())] == [line for line in lines if "measured" in line or "%" in line]
