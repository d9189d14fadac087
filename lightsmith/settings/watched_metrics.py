"""Callbacks that watch a metric are asked at the start whether it is measured, not after an epoch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import BatchSizeFinder, EarlyStopping, LearningRateFinder, ModelCheckpoint

from lightning_modules.training.task import Task
from lightsmith.runs.trainer import ExperimentTrainer, best_checkpoint
from lightsmith.terminal import nearest

FIELD = re.compile(r"\{([^:}]+)(:[^}]*)?\}")
COUNTS = ("epoch", "step")
UNSAID = "min"  # the mode of Lightning's callbacks where none is given


def follow_metrics(monitor: str | None, settings: Any, callbacks: object, task: Task) -> None:
    """Choose the best checkpoint by a metric, and let a mode that nobody gave be the one of the metric.

    Args:
        monitor: what the best checkpoint is chosen by; None for what its own setting says, and if that is None too, for
            the headline of the task.
        settings: what the callbacks were built from, changed in place, as these are: a record says what was used.
        callbacks: in the same order; neither of the two is a list where no callbacks are given.
        task: says what is measured, and whether lower or higher is better.

    Raises:
        ValueError: there is no best checkpoint to choose.
    """
    if not isinstance(callbacks, list):
        return
    best = best_checkpoint(callbacks)
    if monitor is not None and best is None:
        raise ValueError(f"--monitor={monitor}: trainer.callbacks lacks a ModelCheckpoint with filename: best")
    for place, callback in enumerate(callbacks):
        if type(callback) not in (ModelCheckpoint, EarlyStopping):
            continue
        chosen = callback.monitor
        if callback is best:
            chosen = monitor or chosen or f"val/{task.headline.metric}"
        unsaid = chosen != callback.monitor or callback.mode == UNSAID
        mode = (task.measured.get(chosen) if unsaid else None) or callback.mode
        if (chosen, mode) != (callback.monitor, callback.mode):
            given = settings[place].init_args
            given.monitor, given.mode = chosen, mode
            callbacks[place] = type(callback)(**vars(given))


def check_watched(trainer: ExperimentTrainer, model: Task, foreign: bool) -> None:
    """Refuse callbacks that watch what is never measured, or take it for its opposite, or search for a setting.

    Args:
        foreign: classes of other packages take part, which may log names that nobody here knows of.

    Raises:
        ValueError: naming the callback, its argument, and what would be right.
    """
    measured = dict(model.measured)
    for callback in trainer.callbacks:
        measured |= dict.fromkeys(getattr(callback, "logs", ()), None)
    for callback in trainer.callbacks:
        _refuse_searches(callback)
        if isinstance(callback, ModelCheckpoint) and callback.filename:
            _check_filename(callback, {**measured, **dict.fromkeys(COUNTS)}, foreign)
        if getattr(callback, "monitor", None) is not None:
            _check_monitor(callback, measured, foreign)
            if callback is not best_checkpoint(trainer.callbacks):  # which keeps the last epoch if there is no other
                _check_validated(callback, trainer)


def _refuse_searches(callback: Callback) -> None:
    if isinstance(callback, LearningRateFinder):
        raise ValueError(
            "LearningRateFinder's rate would last one step, until the schedule sets its own: run with several "
            "--model.lr for an epoch or two and compare them"
        )
    if isinstance(callback, BatchSizeFinder):
        raise ValueError(
            "BatchSizeFinder's size would not be recorded: set --data.batch_size; a run halves what does not fit"
        )


def _check_monitor(callback: Any, measured: Mapping[str, str | None], foreign: bool) -> None:
    kind, name = type(callback).__name__, callback.monitor
    if name not in measured:
        if foreign:
            return
        raise ValueError(f"{kind}: monitor={name} is not measured{nearest(name, list(measured))}{_all(measured)}")
    better = measured[name]
    if better is not None and callback.mode != better:
        than = {"min": "lower", "max": "higher"}[better]
        raise ValueError(f"{kind}: mode={callback.mode} takes {name} for worse the {than} it is: set mode={better}")


def _check_validated(callback: Any, trainer: ExperimentTrainer) -> None:
    every, epochs = trainer.check_val_every_n_epoch or 1, trainer.max_epochs or -1
    if callback.monitor.startswith("val/") and (trainer.limit_val_batches == 0 or 0 < epochs < every):
        raise ValueError(
            f"{type(callback).__name__}: monitor={callback.monitor} is never measured, as "
            f"trainer.limit_val_batches={trainer.limit_val_batches} and check_val_every_n_epoch={every} leave no "
            "validation: monitor train/loss, or validate"
        )


def _check_filename(callback: ModelCheckpoint, known: Mapping[str, str | None], foreign: bool) -> None:
    filename = str(callback.filename)
    names = [name for name, _ in FIELD.findall(filename)]
    for name in names:
        if name not in known and not foreign:
            raise ValueError(
                f"ModelCheckpoint: filename={filename}: {name} is not measured{nearest(name, list(known))}{_all(known)}"
            )
    if callback.auto_insert_metric_name and any("/" in name for name in names):
        flat = FIELD.sub(lambda field: f"{field[1].replace('/', '_')}={field[0]}", filename)
        raise ValueError(
            f"ModelCheckpoint: filename={filename} would make folders of the / in a metric's name: write "
            f"filename={flat} with auto_insert_metric_name=false"
        )


def _all(measured: Mapping[str, object]) -> str:
    return f" (there are {', '.join(measured)})"
