from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightsmith.runs.hardware import fast_precision
from lightsmith.runs.settle_options import settle_options

Parse = Callable[..., Any]


def test_what_is_not_given_follows_from_the_machine_and_the_yaml(parse: Parse) -> None:
    options = parse("mnist_mlp", "--trainer.accelerator=cpu")
    assert settle_options(options, "run", []) is None
    assert (options.trainer.precision, options.experiment) == (fast_precision("cpu"), "mnist_mlp")
    assert not Path("runs").exists()


def test_what_is_given_stays(parse: Parse) -> None:
    options = parse("mnist_mlp", "--trainer.precision=64-true", "--experiment=mine")
    settle_options(options, "run", [])
    assert (options.trainer.precision, options.experiment) == ("64-true", "mine")


def test_mistakes_of_every_kind_are_found(parse: Parse) -> None:
    for verb, option, line in (
        ("test", "--trainer.precision=32", r"test needs a trained model: --ckpt_path="),
        ("run", "--trainer.max_epochs=0", r"trainer\.max_epochs=0 leaves nothing to train"),
        ("run", "--trainer.strategy=fsdp", r"trainer\.strategy=fsdp"),
        ("run", "--resume=nowhere", r"--resume=nowhere is not a folder"),
    ):
        with pytest.raises(ValueError, match=line):
            settle_options(parse("mnist_mlp", option), verb, [])
