"""Measures the time that training takes, and how much it processes."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_modules.training.batch import Batch
from lightning_modules.training.quick_steps import HEARD


class MeasureFit(Callback):
    """Counts training samples and seconds, across interruptions.

    ``seconds`` runs from the first training batch's fetch to the end of fit, validation and checkpointing included;
    ``samples`` counts training samples over all devices. Each validation logs the seconds so far as ``fit/seconds``.
    ``first_step_seconds`` is the part until the end of the first step, compilation included. ``peak_memory_bytes`` is
    the most that any process of the fit held.
    """

    quick_steps = HEARD

    logs = ("fit/seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0
        self.samples = 0
        self.first_step_seconds = 0.0
        self.peak_memory_bytes = 0
        self._started: float | None = None
        self._ended = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.perf_counter() - self.seconds

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        self.samples += len(batch.index) * trainer.world_size
        if not self.first_step_seconds:
            self._stop_clock()
            self.first_step_seconds = self.seconds

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._started is not None:  # part of a fit
            self._stop_clock()
            pl_module.log("fit/seconds", self.seconds)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop_clock()
        self._started = None
        self._ended = True
        peak = torch.tensor(peak_memory_bytes(), device=trainer.strategy.root_device)
        self.peak_memory_bytes = int(trainer.strategy.reduce(peak, reduce_op="max"))

    def _stop_clock(self) -> None:
        if self._started is not None:
            self.seconds = time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        self._stop_clock()
        return {
            "seconds": self.seconds,
            "samples": self.samples,
            "first_step_seconds": self.first_step_seconds,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # Testing the best checkpoint restores callbacks too, which would take back the epochs after it.
        if not self._ended:
            self.seconds, self.samples = state_dict["seconds"], state_dict["samples"]
            self.first_step_seconds = state_dict["first_step_seconds"]


def peak_memory_bytes() -> int:
    """The most memory held so far: on the GPU if there is one, otherwise resident in this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
