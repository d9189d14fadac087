"""A small training on digits that is killed and resumed, for tests of what a checkpoint holds."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint

from callbacks.measure_fit import MeasureFit
from commands.verify_resume import differences
from datamodules.mnist import MNIST
from lightning_modules.mnist_mlp import MnistMLP
from lightsmith.runs.trainer import ExperimentTrainer

STEPS, EPOCHS = 4, 3  # of 100 items in batches of 30
NOTHING: Mapping[str, Any] = MappingProxyType({})
PRECISE: dict[str, Any] = {"precision": "32-true"}
DEATH = ("step", "epoch", "validation", "survives")  # the options of SaveThenDie


class KilledError(BaseException):
    """Ends the process, as far as Lightning can see."""


class SaveThenDie(Checkpoint):
    """Saves at the end of a batch, of a batch of validation, or of an epoch, and dies some training batches later."""

    def __init__(
        self, step: int | None = None, epoch: int | None = None, validation: int | None = None, survives: int = 0
    ) -> None:
        self.step, self.epoch, self.validation, self.survives = step, epoch, validation, survives
        self.batches, self.validated = 0, 0
        self.saved: int | None = None

    def save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint("killed.ckpt")
        self.saved = self.batches

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.batches += 1
        if self.batches == self.step:
            self.save(trainer)
        if self.saved is not None and self.batches == self.saved + self.survives:
            raise KilledError

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.validated += 1
        if self.validated == self.validation:
            self.save(trainer)
            if not self.survives:
                raise KilledError

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.current_epoch == self.epoch:
            self.save(trainer)
            if not self.survives:
                raise KilledError


class DieAfterTraining(Callback):
    def on_train_end(self, *_: Any) -> None:
        raise KilledError


def trained(
    *callbacks: Callback, ckpt_path: str | None = None, recipe: Mapping[str, Any] = NOTHING, **options: Any
) -> dict[str, Any]:
    """What a checkpoint at the end of training holds; the recipe is the model's."""
    torch.manual_seed(7)
    of_data = {
        name: options.pop(name, default) for name, default in {"num_workers": None, "crop_padding_px": 2}.items()
    }
    data = MNIST(train_size=100, batch_size=30, image_size_px=28, **of_data)
    model = MnistMLP(class_names=data.class_names, dropout=0.3, hidden_features=(16,), **recipe)
    quiet: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    quiet |= {"accelerator": "cpu", "logger": False}
    quiet |= {"enable_checkpointing": any(isinstance(callback, Checkpoint) for callback in callbacks)}
    options = {"max_epochs": EPOCHS, "log_every_n_steps": 3, "limit_val_batches": 2, **PRECISE, **quiet, **options}
    trainer = ExperimentTrainer(callbacks=[MeasureFit(), *callbacks], default_root_dir=Path.cwd(), **options)
    trainer.fit(model, datamodule=data, ckpt_path=ckpt_path)
    trainer.save_checkpoint("end.ckpt")
    state: dict[str, Any] = torch.load("end.ckpt", weights_only=True)
    return state


def assert_same(one: Any, other: Any) -> None:
    """Equal to the last bit."""
    assert list(differences(one, other, "")) == []


def died_and_resumed(make: Callable[[], list[Callback]] = list, **options: Any) -> dict[str, Any]:
    """What ``trained`` gives, killed and resumed once; the options of SaveThenDie are among the others."""
    moment = {name: options.pop(name) for name in DEATH if name in options}
    return died_again_and_again(make, [moment], **options)


def died_again_and_again(
    make: Callable[[], list[Callback]], moments: Sequence[dict[str, int]], **options: Any
) -> dict[str, Any]:
    """What ``trained`` gives, killed at each of these moments in turn and resumed after each.

    Args:
        make: the callbacks of each process.
        moments: options of SaveThenDie, which count from where a process begins.
        options: those of ``trained``.
    """
    saved: dict[str, Any] = {}
    for moment in moments:
        with pytest.raises(KilledError):
            trained(*make(), SaveThenDie(**moment), **saved, **options)
        saved = {"ckpt_path": "killed.ckpt"}
        torch.rand(5), random.random(), np.random.random()  # a new process stands elsewhere
    return trained(*make(), **saved, **options)
