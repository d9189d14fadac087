from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonargparse import ArgumentParser

from lightsmith.settings.explain import UNSET, explain_setting, given_layers, look_up
from tests.conftest import ROOT, Cli


@pytest.mark.parametrize(
    ("options", "source"),
    [
        (("--explain=model.lr",), "model.lr=0.003 from: {root}/experiments/mnist_mlp.yaml"),
        (("--explain=model.init_args.lr", "--model.lr=0.5"), "model.lr=0.5 from: command line"),
        (
            ("--explain=trainer.log_every_n_steps",),
            "trainer.log_every_n_steps=50 from: {root}/experiments/_defaults.yaml",
        ),
        (("--explain=data.val_fraction",), "data.val_fraction=0.1 from: class default"),
        (("--explain=trainer.max_epochs", "-c=own.yaml"), "trainer.max_epochs=7 from: own.yaml"),
    ],
)
def test_the_last_layer_that_sets_a_value_is_named_and_nothing_runs(
    experiment: Cli, tmp_path: Path, options: tuple[str, ...], source: str
) -> None:
    (tmp_path / "own.yaml").write_text("trainer: {max_epochs: 7}\n")
    outcome = experiment("mnist_mlp", *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[0] == source.format(root=ROOT)
    assert not (tmp_path / "runs").exists()


def test_every_layer_is_listed_with_its_value(experiment: Cli) -> None:
    rows = experiment("mnist_mlp", "--model.lr=0.5", "--explain=model.lr").out.splitlines()[1:]
    assert [row.split()[-1] for row in rows] == ["0.001", "set", "0.003", "0.5"]


def test_a_checkpoint_is_a_layer_that_the_settings_overrule(experiment: Cli, tmp_path: Path) -> None:
    small = ("--data.train_size=200", "--loggers=[]", "--trainer.max_epochs=1")
    assert experiment("mnist_mlp", *small, "--model.lr=0.25").code == 0
    last = experiment("mnist_mlp", f"--resume={tmp_path}/runs/mnist_mlp/latest", "--explain=model.lr").out.splitlines()[
        -1
    ]
    assert "checkpoint" in last
    assert last.endswith("0.25")


def test_a_value_that_follows_another_setting_says_so(experiment: Cli) -> None:
    outcome = experiment("imdb_lstm", "--model.pretrained=some/other", "--explain=data.tokenizer_of")
    assert outcome.out.startswith("data.tokenizer_of=some/other from: another setting\n")


def test_an_unknown_key_is_answered_with_the_nearest(experiment: Cli) -> None:
    outcome = experiment("mnist_mlp", "--explain=model.lrr")
    assert (outcome.code, outcome.err) == (2, "--explain=model.lrr: unknown key; did you mean model.lr?\n")


def test_settings_are_found_through_init_args_and_additions() -> None:
    settings = {"model": {"init_args": {"lr": 1}}, "model.dropout": 2, "trainer": {"callbacks+": [3]}}
    assert [look_up(settings, key) for key in ("model.lr", "model.dropout", "trainer.callbacks")] == [1, 2, [3]]
    assert look_up(settings, "model.l") is UNSET


def test_layers_come_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: 1\n")
    layers = list(given_layers(["run", "--a=2", "-c", f"{tmp_path}/x.yaml", "--b", "3"]))
    assert layers == [("command line", {"a": 2}), (f"{tmp_path}/x.yaml", {"a": 1}), ("command line", {"b": 3})]


STOPPING = ("--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping", "--trainer.callbacks.monitor=val/loss")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("LogWorstPredictions.count",), "LogWorstPredictions.count=50 from: class default"),
        (("ModelCheckpoint.monitor",), "ModelCheckpoint.monitor=null from: {root}/experiments/_defaults.yaml"),
        (("SaveLast.keep", "--callbacks.SaveLast.keep=4"), "SaveLast.keep=4 from: command line"),
        (("SaveLast.keep", "-c=own.yaml"), "SaveLast.keep=3 from: own.yaml"),
        (("EarlyStopping.monitor", *STOPPING), "EarlyStopping.monitor=val/loss from: command line"),
        (("EarlyStopping.patience", *STOPPING), "EarlyStopping.patience=3 from: class default"),
    ],
)
def test_a_setting_of_a_callback_is_explained_by_its_class(
    parse: Callable[..., Any], tmp_path: Path, options: tuple[str, ...], line: str
) -> None:
    (tmp_path / "own.yaml").write_text("callbacks: {SaveLast: {keep: 3}}\n")
    given = [f"-c={ROOT}/experiments/{name}.yaml" for name in ("_defaults", "mnist_mlp")]
    settings = parse("mnist_mlp", *options[1:])
    lines = explain_setting(f"callbacks.{options[0]}", ArgumentParser(), settings, [*given, *options[1:]])
    assert lines[0] == f"callbacks.{line}".format(root=ROOT)
