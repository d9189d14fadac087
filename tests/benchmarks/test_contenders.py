"""Every race names experiments and scripts that exist, and Lightsmith leads each."""

from importlib.util import find_spec

import pytest

from benchmarks.contenders import RACES, Contender
from lightsmith.settings.experiments import experiment_files

CONTENDERS = [contender for race in RACES.values() for contender in race.contenders]


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_what_a_contender_runs_exists(contender: Contender) -> None:
    if contender.experiment:
        assert contender.experiment in experiment_files()
    else:
        assert find_spec(contender.command[1]) is not None


def test_every_task_has_a_race_that_lightsmith_leads_and_a_tutorial() -> None:
    assert set(RACES) == {
        "mnist_mlp",
        "cifar_cnn",
        "imdb_lstm",
        "bert_classifier",
        "bert_pretraining",
        "resnet_transfer",
    }
    for race in RACES.values():
        assert race.contenders[0].experiment
        assert any("tutorial" in contender.name and not contender.experiment for contender in race.contenders)
        assert len({contender.name for contender in race.contenders}) == len(race.contenders)
