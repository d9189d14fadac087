"""A training that was killed and resumed ends in the state of one that was not."""

from __future__ import annotations

import csv
import functools
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping

from callbacks.prune_weights import PruneWeights
from lightsmith.runs.exact_resume import KEY, generator_states, set_generator_states
from lightsmith.runs.loggers import build_loggers
from tests.killed_training import (
    DEATH,
    DieAfterTraining,
    KilledError,
    SaveThenDie,
    assert_same,
    died_and_resumed,
    trained,
)


@pytest.fixture(autouse=True)
def _seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")


@pytest.mark.parametrize(
    "options",
    [
        {"step": 1},
        {"step": 2, "survives": 1},
        {"step": 6},
        {"epoch": 0},
        {"epoch": 0, "survives": 1},
        {"epoch": 1, "survives": 3},
        {"step": 6, "num_workers": 2},
        {"epoch": 0, "survives": 1, "num_workers": 1},
        {"step": 5, "accumulate_grad_batches": 3},
        {"step": 6, "accumulate_grad_batches": 3},
        {"epoch": 0, "survives": 2, "accumulate_grad_batches": 3},
        {"step": 4},
        {"step": 8, "survives": 2},
        {"step": 4, "check_val_every_n_epoch": 2},
        {"step": 6, "val_check_interval": 2},
        {"step": 7, "val_check_interval": 2},
        {"step": 3, "check_val_every_n_epoch": 2},
        {"step": 3, "max_epochs": -1, "max_steps": 10},
        {"step": 6, "max_epochs": -1, "max_steps": 6},
        {"validation": 3, "max_epochs": -1, "max_steps": 6},
        {"validation": 3, "check_val_every_n_epoch": 2},
        {"validation": 1},
        {"validation": 4, "survives": 1},
        {"validation": 1, "val_check_interval": 2, "accumulate_grad_batches": 3},
        {"validation": 3, "val_check_interval": 2, "accumulate_grad_batches": 3, "survives": 2},
    ],
    ids=str,
)
def test_it_ends_bit_identical(options: dict[str, Any]) -> None:
    resumed = died_and_resumed(**options)
    assert_same(resumed, trained(**{name: value for name, value in options.items() if name not in DEATH}))


def test_twice_in_one_epoch_and_once_more() -> None:
    whole = trained()
    with pytest.raises(KilledError):
        trained(SaveThenDie(step=1, survives=1))
    for step in (1, 1, 4):
        with pytest.raises(KilledError):
            trained(SaveThenDie(step=step), ckpt_path="killed.ckpt")
    assert_same(trained(ckpt_path="killed.ckpt"), whole)


def test_an_extended_run_keeps_its_zeros_to_the_count() -> None:
    def zeros(state: dict[str, Any]) -> int:
        return sum(int((state["state_dict"][name] == 0).sum()) for name in state["callbacks"]["PruneWeights"]["masks"])

    make = functools.partial(PruneWeights, 0.8, begin=0.1, end=0.5, every_n_steps=2)
    short = trained(make(), max_epochs=3)
    Path("end.ckpt").rename("short.ckpt")
    assert zeros(trained(make(), ckpt_path="short.ckpt", max_epochs=9)) == zeros(short) > 0


def test_the_last_metrics_are_there_for_who_asks_before_the_next_validation() -> None:
    def make() -> list[Callback]:
        return [EarlyStopping("val/loss", patience=1)]

    options: dict[str, Any] = {"max_epochs": -1, "max_steps": 11}
    assert_same(died_and_resumed(make, step=10, **options), trained(*make(), **options))


def test_a_run_that_was_stopped_early_does_not_go_on_when_resumed() -> None:
    def stopping() -> list[Callback]:
        return [EarlyStopping("val/loss", min_delta=100, patience=1)]

    whole = trained(*stopping())
    with pytest.raises(KilledError):
        trained(*stopping(), SaveThenDie(epoch=1, survives=1), DieAfterTraining())
    assert_same(trained(*stopping(), ckpt_path="killed.ckpt"), whole)


def forget_generators(checkpoint: dict[str, Any]) -> None:
    checkpoint[KEY]["ranks"] = []


def forget_position(checkpoint: dict[str, Any]) -> None:
    checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"] |= {"ready": 0, "completed": 0}


def forget_momentum(checkpoint: dict[str, Any]) -> None:
    checkpoint["optimizer_states"][0]["state"] = {}


def forget_schedule(checkpoint: dict[str, Any]) -> None:
    checkpoint["lr_schedulers"][0]["last_epoch"] = 0


@pytest.mark.parametrize("forget", [forget_generators, forget_position, forget_momentum, forget_schedule])
def test_what_a_checkpoint_lacks_is_noticed(forget: Callable[[dict[str, Any]], None]) -> None:
    whole = trained()
    with pytest.raises(KilledError):
        trained(SaveThenDie(step=6))
    checkpoint = torch.load("killed.ckpt", weights_only=True)
    forget(checkpoint)
    torch.save(checkpoint, "killed.ckpt")
    Path("manifest.json").unlink()  # which would notice as well
    resumed = trained(ckpt_path="killed.ckpt")
    with pytest.raises(AssertionError):
        assert_same(resumed["state_dict"], whole["state_dict"])


def test_generators_are_restored_as_they_were() -> None:
    cpu = torch.device("cpu")
    states = generator_states(cpu)
    drawn = [(random.random(), np.random.normal(), torch.rand(2).tolist()) for _ in range(2)]
    set_generator_states(states, cpu)
    assert [(random.random(), np.random.normal(), torch.rand(2).tolist()) for _ in range(2)] == drawn


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
@pytest.mark.parametrize("survives", [0, 1])
@pytest.mark.parametrize(
    ("death", "log_every_n_steps"),
    [({"step": 4}, 1), ({"step": 4}, 3), ({"step": 7}, 1), ({"step": 6}, 3), ({"step": 7}, 3), ({"epoch": 0}, 3)],
    ids=str,
)
def test_a_resumed_run_has_every_metric_once(
    tmp_path: Path, death: dict[str, int], log_every_n_steps: int, survives: int
) -> None:
    def rows(folder: str, *callbacks: Callback, saved: Any = (), **options: Any) -> list[dict[str, str]]:
        loggers = build_loggers(["csv"], tmp_path / folder, "x", dict(saved))
        with suppress(KilledError):
            trained(*callbacks, logger=loggers, log_every_n_steps=log_every_n_steps, **options)
        with (tmp_path / folder / "metrics.csv").open(newline="") as file:
            return [row | {"fit/seconds": ""} for row in csv.DictReader(file)]

    whole = rows("whole")
    assert len(rows("killed", SaveThenDie(**death, survives=survives))) < len(whole)
    saved = torch.load("killed.ckpt", weights_only=True)
    assert rows("killed", saved=saved, ckpt_path="killed.ckpt") == whole
