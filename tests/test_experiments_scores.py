from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.experiment_results import results_of

QUICK = "--loggers=[csv]"
# Of the headline metric: the least of an accuracy, the most of an error.
SAMPLE_SCORES = {
    "mnist_mlp": 0.94,
    "mnist_cnn": 0.97,
    "digit_angle": 11.0,
    "cifar_cnn": 0.90,
    "imdb_lstm": 0.76,
    "bert_classifier": 0.80,
    "text_linear": 0.74,
}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", SAMPLE_SCORES)
def test_reaches_its_score_on_the_sample(experiment: Cli, tmp_path: Path, name: str) -> None:
    assert experiment(name, QUICK).code == 0
    headline = results_of(tmp_path, name)["headline"]
    better = headline["value"] - SAMPLE_SCORES[name]
    assert (better if headline["direction"] == "max" else -better) >= 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_transfer_beats_the_same_network_from_scratch_by_ten_points(experiment: Cli, tmp_path: Path) -> None:
    def mean_accuracy(*options: str) -> float:
        scores = []
        for seed in (1, 2, 3):
            assert experiment("resnet_transfer", QUICK, f"--seed_everything={seed}", *options).code == 0
            scores.append(results_of(tmp_path, "resnet_transfer")["test"]["accuracy"])
        return sum(scores) / len(scores)

    assert mean_accuracy() >= mean_accuracy("--model.weights=null") + 0.10
