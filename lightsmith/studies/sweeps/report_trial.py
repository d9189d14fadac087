"""A trial's reports to its sweep, after each validation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class ReportTrial(Callback):
    """Reports the metric of each validation, and ends the training where the sweep says so.

    Args:
        metric: as it is logged.
        report: takes the number of the validation and the value; returns whether the trial should end now.

    Attributes:
        pruned: in which validation it was to end; 0 if it was not.
    """

    def __init__(self, metric: str, report: Callable[[int, float], bool]) -> None:
        self.metric = metric
        self.pruned = 0
        self._report = report

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        value = trainer.callback_metrics.get(self.metric)
        fitting: Any = trainer.state.fn
        if fitting != "fit" or trainer.sanity_checking or value is None or not math.isfinite(value):
            return
        validation = number_of_validation(trainer)
        if self._report(validation, float(value)):
            self.pruned = validation
            trainer.should_stop = True


def number_of_validation(trainer: Trainer) -> int:
    """The number of the validation in progress, 1 for the first: the same however often the run was resumed.

    It follows from the batches trained, as if one were due after every so many; the last may come sooner.
    """
    loop: Any = trainer.fit_loop
    every = trainer.val_check_batch or 1
    return math.ceil((loop.total_batch_idx + 1) / min(every, loop.max_batches))
