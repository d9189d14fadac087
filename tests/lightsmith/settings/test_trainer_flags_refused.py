from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from lightning.pytorch import Trainer

from tests.conftest import Cli
from tests.lightsmith.settings.flag_runs import (
    NEUTRAL,
    TASKS,
)

REFUSED = {
    "barebones=true": "--loggers=[] --trainer.enable_progress_bar=false",
    "enable_checkpointing=false": "a run is tested on its best checkpoint",
    "limit_train_batches=0": "leaves nothing to train",
    "max_epochs=0": "leaves nothing to train",
    "max_steps=0": "leaves nothing to train",
    "limit_test_batches=0": "run ends with a test",
    "default_root_dir=elsewhere": "--runs is the folder",
    "model_registry=mine": "trainer.model_registry=mine is not used here",
    "check_val_every_n_epoch=0": "must be at least 1",
    "val_check_interval=0": "set trainer.limit_val_batches=0",
    "log_every_n_steps=-1": "must be at least 0",
    "gradient_clip_val=-1": "must be at least 0",
    "min_epochs=3": "is more than trainer.max_epochs=2",
    "num_nodes=2": "needs a launcher that starts every node",
    "gradient_clip_algorithm=value": "clips nothing without trainer.gradient_clip_val",
    "accumulate_grad_batches=0": "must be at least 1",
}
REFUSED_BY_LIGHTNING = {
    "limit_train_batches=0.001": "increase the `limit_train_batches`",
    "overfit_batches=0.001": "0.001",
    "val_check_interval=1000": "must be less than or equal to the number of the training batches (3)",
    "max_epochs=-1": "has no end",
    "accelerator=gpux": "gpux",
    "devices=0": "devices",
    "strategy=dpp": "dpp",
    "precision=16-bit": "trainer.precision",
    "plugins=nothing": "plugins",
    "profiler=simpl": "simpl",
    "max_time=soon": "soon",
    "callbacks=nothing": "trainer.callbacks",
    "logger=nothing": "trainer.logger",
}
FLAGS = [*REFUSED, *(pytest.param(flag, marks=pytest.mark.slow) for flag in REFUSED_BY_LIGHTNING)]


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_that_cannot_be_meant_is_one_line_and_leaves_nothing(experiment: Cli, tmp_path: Path, flag: str) -> None:
    outcome = experiment("mnist_mlp", *TASKS["mnist_mlp"], f"--trainer.{flag}")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert {**REFUSED, **REFUSED_BY_LIGHTNING}[flag] in outcome.err
    assert not (tmp_path / "runs").exists()


def test_every_flag_of_the_trainer_is_tried_here() -> None:
    known = set(inspect.signature(Trainer.__init__).parameters) - {"self"}
    tried = {flag.partition("=")[0] for flag in [*NEUTRAL, *REFUSED, *REFUSED_BY_LIGHTNING]}
    text = "".join(file.read_text() for file in Path(__file__).parent.glob("test_trainer_flags*.py"))
    tried |= set(re.findall(r"--trainer\.(\w+)=", text)) | set(re.findall(r'"(limit_\w+)":', text))
    assert known - tried == set()
