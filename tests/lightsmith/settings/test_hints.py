from collections.abc import Callable
from typing import Any

import pytest

from lightsmith.settings.experiments import experiment_files
from lightsmith.settings.hints import MEANINGS, hint
from tests.conftest import ROOT, Cli

KNOWN = ["model.lr", "model.hidden_features", "data.batch_size", "trainer.max_epochs", "trainer.precision", "runs"]


@pytest.mark.parametrize(
    ("key", "meant"),
    {
        "model.learning_rate": "model.lr",
        "learning-rate": "model.lr",
        "num_epochs": "trainer.max_epochs",
        "per_device_train_batch_size": "data.batch_size",
        "model.batch_size": "data.batch_size",
        "hidden_size": "model.hidden_features",
        "fp16": "trainer.precision=16-mixed",
        "output_dir": "runs",
        "trainer.maxEpochs": "trainer.max_epochs",
        "model-lr": "model.lr",
        "model.lrr": "model.lr",
        "bach_size": "data.batch_size",
        "trainer.patience": "trainer.callbacks+=EarlyStopping",
    }.items(),
)
def test_a_key_is_understood_by_its_other_names_and_then_by_its_spelling(key: str, meant: str) -> None:
    assert hint(key, [*KNOWN, "trainer.callbacks"]) == f"; did you mean {meant}?"


@pytest.mark.parametrize("key", ["model.foo", "zzz", "data.max_length", ""])
def test_nothing_is_offered_for_what_nothing_here_means(key: str) -> None:
    assert hint(key, KNOWN) == ""


def test_no_name_is_a_key_of_its_own_meaning() -> None:
    for offered, elsewhere in MEANINGS:
        assert len(set(elsewhere.split())) == len(elsewhere.split())
        assert not {key for key in offered if "." not in key} & set(elsewhere.split()), offered


@pytest.mark.parametrize(
    ("name", "option", "offered"),
    [
        ("mnist_mlp", "--model.learning_rate=1", "model.lr"),
        ("mnist_mlp", "--data.image_size=8", "data.image_size_px"),
        ("mnist_mlp", "--trainer.seed=8", "seed_everything"),
        ("mnist_mlp", "--model.weight-decay=1", "model.weight_decay"),
        ("imdb_lstm", "--max_length=8", "data.max_tokens"),
    ],
)
def test_the_command_line_offers_what_the_experiment_has(
    parse: Callable[..., Any], name: str, option: str, offered: str
) -> None:
    with pytest.raises(ValueError, match=f"unknown key {option[2:-2]}; did you mean {offered}[?]$"):
        parse(name, option)


def test_an_experiment_is_found_in_any_case_and_by_its_beginning(lightsmith: Cli) -> None:
    berts = "bert_classifier or bert_pretraining"
    for given, meant in (
        ("MNIST_MLP", "mnist_mlp"),
        ("bert", berts),
        ("imdb", "imdb_lstm"),
        ("mnist-mlp", "mnist_mlp"),
    ):
        assert set(meant.split(" or ")) <= set(experiment_files())
        assert f"did you mean {meant}?" in lightsmith("run", f"-c={ROOT}/experiments/{given}.yaml").err
