"""Train copies of an experiment's model for a few steps: what the experiment itself is made of stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    Checkpoint,
    DeviceStatsMonitor,
    EarlyStopping,
    LearningRateFinder,
    LearningRateMonitor,
    ProgressBar,
)

from callbacks.guard_numerics import GuardNumerics
from callbacks.save_last import SaveLast
from callbacks.trainability_audit import TrainabilityAudit
from lightsmith.runs.exact_resume import ExactResume, generator_states, set_generator_states
from lightsmith.runs.experiment import ExperimentCLI
from lightsmith.runs.keep_best import KeepBest
from lightsmith.runs.say_why_ended import SayWhyEnded
from lightsmith.runs.trainer import ExperimentTrainer

# Callbacks that save, watch, show or end a run. All others may change how a step is made, and stay.
LEFT_OUT = (
    *(Checkpoint, ProgressBar, EarlyStopping, LearningRateMonitor, DeviceStatsMonitor),
    *(LearningRateFinder, BatchSizeFinder, SaveLast, GuardNumerics, TrainabilityAudit),
    *(KeepBest, SayWhyEnded, ExactResume),
)
# One epoch that is as long as needed, without validation: no stage that begins later, and no data but the training's.
ONLY_STEPS = {
    "limit_train_batches": 1.0,
    "limit_val_batches": 0,
    "overfit_batches": 0.0,
    "max_time": None,
    "min_epochs": None,
    "min_steps": None,
    "profiler": None,
}


class TunedCLI(ExperimentCLI):
    """An experiment that is built and checked as `fit` does it, of which only copies are trained."""

    def record(self, *_: Any) -> None:
        """Write nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Train nothing."""

    def fit_copy(self, batches: Batches, *observers: Callback) -> None:
        """Train a copy of the model, by copies of the run's callbacks, until an observer sets ``should_stop``.

        Generators are put back as they were.

        Args:
            batches: of training items.
            observers: callbacks that come after the run's own.
        """
        trainer = self._build_copied_trainer(batches.length)
        trainer.callbacks = [one for one in trainer.callbacks if not isinstance(one, LEFT_OUT)]
        trainer.callbacks += observers
        data = copy.copy(self.datamodule)  # its items are not copied
        data.train_dataloader = lambda: batches
        with undisturbed(trainer):
            trainer.fit(copy.deepcopy(self.model), datamodule=data)

    def _build_copied_trainer(self, batches: int) -> ExperimentTrainer:
        asked = self.config_init[self.subcommand].trainer
        own, limit = asked.callbacks, asked.max_steps
        asked.callbacks = copy.deepcopy(own)
        try:
            return self.build_trainer(**ONLY_STEPS, max_steps=max(limit, batches) if limit > 0 else limit)
        finally:
            asked.callbacks = own


class Batches:
    """Batches for an epoch of a given length, which no Trainer takes apart.

    Args:
        source: of at least so many batches.
        length: how many an epoch has.
    """

    def __init__(self, source: Iterable[Any], length: int) -> None:
        self.source = source
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.source)


class Passes:
    """The batches of a loader, pass after pass, each shuffled anew."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[Any]:
        sampler = getattr(self.loader.batch_sampler, "sampler", None)
        epoch = 0
        while True:
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)
            yield from self.loader
            epoch += 1


@contextmanager
def undisturbed(trainer: Any) -> Iterator[None]:
    """Put Python's, NumPy's and torch's generators back as they were."""
    device = trainer.strategy.root_device
    states = generator_states(device)
    try:
        yield
    finally:
        set_generator_states(states, device)
