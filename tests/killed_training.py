"""A small training on digits that is killed and resumed, for tests of what a checkpoint holds."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint

from callbacks.measure_fit import MeasureFit
from commands.experiment_trainer import ExperimentTrainer
from commands.verify_resume import differences
from datamodules.mnist import MNIST
from lightning_modules.mnist_mlp import MnistMLP

STEPS, EPOCHS = 4, 3  # of 100 items in batches of 30
NOTHING: Mapping[str, Any] = MappingProxyType({})
PRECISE: dict[str, Any] = {"precision": "32-true"}


class KilledError(BaseException):
    """Ends the process, as far as Lightning can see."""


class SaveThenDie(Checkpoint):
    """Saves at the end of a batch, or of an epoch, and dies some batches later."""

    def __init__(self, step: int | None = None, epoch: int | None = None, survives: int = 0) -> None:
        self.step, self.epoch, self.survives = step, epoch, survives
        self.batches, self.saved = 0, 0

    def save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint("killed.ckpt")
        self.saved = self.batches

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.batches += 1
        if self.batches == self.step:
            self.save(trainer)
        if self.saved and self.batches == self.saved + self.survives:
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
    data = MNIST(
        train_size=100, batch_size=30, image_size_px=28, crop_padding_px=2, num_workers=options.pop("num_workers", None)
    )
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
    """As ``trained``, but killed and resumed once; the options of SaveThenDie are among the others."""
    death = {name: options.pop(name) for name in ("step", "epoch", "survives") if name in options}
    with pytest.raises(KilledError):
        trained(*make(), SaveThenDie(**death), **options)
    torch.rand(5), random.random(), np.random.random()  # a new process stands elsewhere
    return trained(*make(), ckpt_path="killed.ckpt", **options)
