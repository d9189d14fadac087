from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightsmith.settings.parser_options import OWN, experiment_keys


@pytest.mark.parametrize("path", ["", ".nope.X", ".mnist_mlp.Nope", ".mnist_mlp.MnistMLP.forward", ".mnist_mlp.Any"])
def test_what_is_no_class_has_no_keys(tmp_path: Path, path: str) -> None:
    (tmp_path / "x.yaml").write_text(f"model: lightning_modules{path}\n")
    assert not list(experiment_keys(["run", "-c", "x.yaml"]))


def test_the_keys_of_an_experiment_are_those_of_its_model_and_its_data(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        "model: {class_path: lightning_modules.mnist_mlp.MnistMLP}\ndata: datamodules.mnist.MNIST\n"
    )
    keys = set(experiment_keys(["run", "-c", "x.yaml"]))
    assert {"model.lr", "model.schedule", "data.batch_size", "data.image_size_px"} <= keys
    assert not {"model.batch_size", "data.lr"} & keys


def test_every_option_of_ours_has_a_default_and_a_meaning(parse: Callable[..., Any]) -> None:
    parsed = parse("mnist_mlp")
    for option in OWN:
        assert option.meaning.endswith("."), option.name
        assert parsed[option.name] == option.default, option.name
