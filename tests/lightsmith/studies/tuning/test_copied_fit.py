from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.mix_images import MixImages
from lightsmith.runs.exact_resume import generator_states
from lightsmith.studies.tuning.copied_fit import LEFT_OUT, Passes, TunedCLI


class Watch(Callback):
    """Stops after some steps; keeps the Trainer, and the first weight after each step."""

    def __init__(self, steps: int = 3) -> None:
        self.steps = steps
        self.weights: list[torch.Tensor] = []
        self.validated = False

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.trainer = trainer
        self.weights.append(next(pl_module.parameters()).detach().clone())
        random.random(), np.random.random(), torch.rand(1)
        trainer.should_stop = len(self.weights) == self.steps

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.validated = True


def fitted(cli: TunedCLI, steps: int = 3) -> Watch:
    watch = Watch(steps)
    cli.fit_copy(Passes(cli.datamodule.train_dataloader()), 1000, watch)
    return watch


def test_model_optimizer_callbacks_and_generators_stay_as_they_were(built: TunedCLI) -> None:
    device = torch.device("cpu")
    model: Any = built.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    states, callbacks = generator_states(device), [vars(c).copy() for c in built.trainer.callbacks]
    watch = fitted(built)
    assert len(watch.weights) == 3
    assert not torch.equal(watch.weights[0], watch.weights[2]), "the copy has trained"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    after = generator_states(device)
    assert states["python"] == after["python"]
    assert torch.equal(states["torch"], after["torch"])
    assert torch.equal(states["numpy"][1], after["numpy"][1])
    assert [vars(c) for c in built.trainer.callbacks] == callbacks
    assert "train_dataloader" not in vars(built.datamodule)
    again = fitted(built)
    assert all(map(torch.equal, watch.weights, again.weights)), "a second copy begins where the first did"


def test_a_copy_is_only_trained_and_nothing_is_written(built: TunedCLI) -> None:
    watch = fitted(built, steps=30)
    assert (watch.validated, watch.trainer.current_epoch) == (False, 1), "one epoch, though it has 25 steps otherwise"
    assert not any(isinstance(callback, LEFT_OUT) for callback in watch.trainer.callbacks)  # type: ignore[attr-defined]
    assert watch.trainer.loggers == []
    assert list(Path().iterdir()) == []


def test_an_interruption_is_one_to_who_asked_for_the_copy(built: TunedCLI) -> None:
    class Interrupt(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built.fit_copy([], 1000, Interrupt())


@pytest.mark.slow
def test_callbacks_that_change_a_step_are_copied_and_act(built: TunedCLI) -> None:
    asked = built.config_init["fit"].trainer
    mixing = MixImages()
    asked.callbacks.append(mixing)
    try:
        watch = fitted(built)
    finally:
        asked.callbacks.pop()
    (copied,) = (c for c in watch.trainer.callbacks if isinstance(c, MixImages))  # type: ignore[attr-defined]
    assert copied is not mixing
    assert not torch.equal(watch.weights[-1], fitted(built).weights[-1])


def test_each_pass_over_the_items_is_shuffled_anew(built: TunedCLI) -> None:
    passes = iter(Passes(built.datamodule.train_dataloader()))
    first, second = ([index for _ in range(25) for index in next(passes).index.tolist()] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(400))
    assert first != second
