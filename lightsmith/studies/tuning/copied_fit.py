"""Train copies of an experiment's model for a few steps: what the experiment itself is made of stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
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
from lightning.pytorch.utilities.exceptions import SIGTERMException

from callbacks.guard_numerics import GuardNumerics
from callbacks.save_last import SaveLast
from callbacks.trainability_audit import TrainabilityAudit
from lightsmith.runs.ending import TERMINATED
from lightsmith.runs.exact_resume import ExactResume, generator_states, set_generator_states
from lightsmith.runs.keep_best import KeepBest
from lightsmith.runs.say_why_ended import SayWhyEnded
from lightsmith.runs.trainer import ExperimentTrainer
from lightsmith.studies.built_experiment import BuiltCLI

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


class TunedCLI(BuiltCLI):
    """An experiment of which only copies are trained."""

    def fit_copy(self, batches: Iterable[object], length: int, *observers: Callback) -> None:
        """Train a copy of the model, by copies of the run's callbacks, until an observer sets ``should_stop``.

        Generators are put back as they were.

        Args:
            batches: of training items, more than will be needed.
            length: of the epoch, in batches.
            observers: callbacks that come after the run's own.

        Raises:
            KeyboardInterrupt: on Ctrl-C, which Lightning makes an exit of.
            SystemExit: on SIGTERM.
        """
        trainer = self._build_copied_trainer(length)
        trainer.callbacks = [one for one in trainer.callbacks if not isinstance(one, LEFT_OUT)]
        trainer.callbacks += observers
        data = copy.copy(self.datamodule)  # its items are not copied
        epoch = OneEpoch(batches, length, data.datasets["train"])
        data.train_dataloader = lambda: epoch
        try:
            with undisturbed(trainer.strategy.root_device):
                trainer.fit(copy.deepcopy(self.model), datamodule=data)
        except SystemExit as end:
            if isinstance(end, SIGTERMException):
                raise SystemExit(TERMINATED) from None
            raise KeyboardInterrupt from end

    def _build_copied_trainer(self, steps: int) -> ExperimentTrainer:
        asked = self.config_init[self.subcommand].trainer
        own, limit = asked.callbacks, asked.max_steps
        asked.callbacks = copy.deepcopy(own)
        try:
            return self.build_trainer(**ONLY_STEPS, max_steps=max(limit, steps) if limit > 0 else limit)
        finally:
            asked.callbacks = own


class OneEpoch:
    """An epoch of a given length, which no Trainer takes apart.

    Args:
        batches: as many, or more.
        length: how many it has.
        dataset: the items that they are of.
    """

    def __init__(self, batches: Iterable[object], length: int, dataset: object) -> None:
        self.batches = batches
        self.length = length
        self.dataset = dataset

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)


class Passes:
    """The batches of a loader, pass after pass, each shuffled anew."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[Any]:
        sampler: Any = getattr(self.loader.batch_sampler, "sampler", None)
        epoch = 0
        while True:
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)
            yield from self.loader
            epoch += 1


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Put Python's, NumPy's and torch's generators back as they were."""
    states = generator_states(device)
    try:
        yield
    finally:
        set_generator_states(states, device)
