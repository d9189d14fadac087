"""The reasons of callbacks to end a training, by their settings and what has been measured so far."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import timedelta

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason


def stop_reasons(trainer: Trainer) -> Iterator[str]:
    """One line for each callback that would end the training now."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by Lightning's connector
        if isinstance(callback, EarlyStopping):
            yield from _why_early(callback, trainer)
        elif isinstance(callback, Timer):
            left = callback.time_remaining()
            if left is not None and left <= 0:
                yield f"trainer.max_time={timedelta(seconds=round(callback.time_elapsed() + left))} is over"


def _why_early(callback: EarlyStopping, trainer: Trainer) -> Iterator[str]:
    if callback.stopping_reason == EarlyStoppingReason.NOT_STOPPED:
        return
    if callback.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED:
        if callback.wait_count >= callback.patience:
            best = f"patience={callback.patience}, best {float(callback.best_score):.4f}"
            yield f"EarlyStopping: {callback.monitor} did not improve {callback.wait_count} times in a row ({best})"
    elif callback.monitor in trainer.callback_metrics:
        judge = copy.deepcopy(callback)  # which counts
        stops, reason = judge._evaluate_stopping_criteria(trainer.callback_metrics[callback.monitor].squeeze())
        if stops:
            yield f"EarlyStopping: {str(reason).removesuffix(' Signaling Trainer to stop.').rstrip('.')}"
