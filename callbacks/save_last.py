"""Checkpoints to continue a run from, at any time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_modules.training.quick_steps import SKIPPED

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)  # the last is SLURM's, before a job's time is up
BATCHES_BETWEEN_VOTES = 10
FRESH = "next.ckpt"  # what a checkpoint is called until it is written and becomes the last


class SaveLast(Checkpoint):
    """Saves ``last.ckpt`` after an epoch and its validation, within one after some minutes, and on SIGTERM or Ctrl-C.

    Epochs so short that saving after each would take more than its share of the time are not all saved; the last is.

    Either signal, or SIGUSR1, lets the steps that are being made end, and then the run, with exit code 143, 130 or 138;
    a second one ends the process at once. Several processes vote every few batches, as they have to save and stop
    together.

    Args:
        keep: number of checkpoints, at least 1: ``last.ckpt``, before it ``last-1.ckpt`` and so on.
        every_minutes: longest time without a checkpoint while training.
        saving_share: how much of the time may go to saving after epochs, in (0, 1]; 1 saves after each.

    Attributes:
        dirpath: where the checkpoints lie; ``checkpoints`` in the Trainer's root if it is not set.
    """

    quick_steps = SKIPPED

    def __init__(self, keep: int = 2, every_minutes: float = 5.0, saving_share: float = 0.1) -> None:
        if keep < 1 or every_minutes <= 0:
            raise ValueError(f"keep={keep} must be at least 1, and every_minutes={every_minutes} above 0")
        if not 0 < saving_share <= 1:
            raise ValueError(f"saving_share={saving_share} must be above 0, and at most 1")
        self.keep = keep
        self.every_minutes = every_minutes
        self.saving_share = saving_share
        self.dirpath: str | None = None
        self._saved_seconds = 0.0  # when
        self._saving_seconds = 0.0  # how long it took
        self._saved_batch = -1
        self._unvoted_batches = 0
        self._signal = 0
        self._stopping = False
        self._handlers: dict[int, Any] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.dirpath = trainer.strategy.broadcast(self.dirpath or str(Path(trainer.default_root_dir) / "checkpoints"))
        self._handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        self._catch_signals()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        _set_handlers(self._handlers)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_seconds = time.monotonic()
        self._catch_signals()

    def on_train_batch_start(self, *_: object) -> None:
        self._stop_if_agreed()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._catch_signals()
        self._stop_if_agreed()

    on_test_start = on_predict_start = on_validation_start

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        due = time.monotonic() - self._saved_seconds >= 60 * self.every_minutes
        if self._any_process(trainer, due or bool(self._signal)):
            self._save(trainer)
            # Carried out before the next batch, when the loggers have heard of this one.
            self._stopping = trainer.strategy.reduce_boolean_decision(bool(self._signal), all=False)

    def on_validation_batch_end(self, trainer: Trainer, *_: object) -> None:
        self._stopping = self._any_process(trainer, bool(self._signal))
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if self._stopping and fitting and self._saved_batch != trainer.fit_loop.total_batch_idx:
            self._save(trainer)
        self._stop_if_agreed()

    def on_test_batch_end(self, trainer: Trainer, *_: object) -> None:
        self.on_validation_batch_end(trainer)

    def on_predict_batch_end(self, trainer: Trainer, *_: object) -> None:
        self.on_validation_batch_end(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        training_seconds = time.monotonic() - self._saved_seconds
        due = self._saving_seconds <= self.saving_share * (training_seconds + self._saving_seconds)
        if trainer.strategy.reduce_boolean_decision(due or _is_last_epoch(trainer), all=False):
            self._save(trainer)

    def _catch_signals(self) -> None:
        """Once more at each start: Lightning's own handler talks to other processes in the middle of a step."""
        _set_handlers(dict.fromkeys(STOP_SIGNALS, signal.SIG_DFL if self._signal else self._note_signal))

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        self._catch_signals()

    def _any_process(self, trainer: Trainer, wish: bool) -> bool:
        if trainer.world_size == 1:
            return wish
        self._unvoted_batches = (self._unvoted_batches + 1) % BATCHES_BETWEEN_VOTES
        return self._unvoted_batches == 0 and trainer.strategy.reduce_boolean_decision(wish, all=False)

    def _stop_if_agreed(self) -> None:
        if self._stopping:
            raise SIGTERMException(128 + (self._signal or signal.SIGTERM))

    def _save(self, trainer: Trainer) -> None:
        assert self.dirpath is not None, "set by setup"
        fresh = Path(self.dirpath) / FRESH
        started = self._saved_seconds = time.monotonic()
        trainer.save_checkpoint(fresh)
        self._saved_batch = trainer.fit_loop.total_batch_idx
        # A checkpoint that is written beside the training is renamed there too.
        when_saved = getattr(trainer.strategy.checkpoint_io, "when_saved", _at_once)
        when_saved(partial(self._end_save, fresh, started, trainer.is_global_zero))

    def _end_save(self, fresh: Path, started: float, renames: bool) -> None:
        if renames and fresh.exists():  # not if the disk was full
            rotate(fresh, self.keep)
        self._saved_seconds = time.monotonic()
        self._saving_seconds = self._saved_seconds - started


def _at_once(act: Callable[[], None]) -> None:
    act()


def _is_last_epoch(trainer: Trainer) -> bool:
    epochs, steps = trainer.fit_loop.max_epochs or -1, trainer.fit_loop.max_steps  # -1 for no limit
    return trainer.should_stop or 0 < epochs <= trainer.current_epoch + 1 or 0 < steps <= trainer.global_step


def rotate(fresh: Path, keep: int) -> None:
    """Make a file the last of ``keep``: ``last.ckpt``, which exists throughout, becomes ``last-1.ckpt`` and so on."""
    names = [fresh.with_name(f"last-{age}.ckpt" if age else "last.ckpt") for age in range(keep)]
    for newer, older in reversed(list(pairwise(names))):
        if newer.exists():
            older.unlink(missing_ok=True)
            try:
                older.hardlink_to(newer)
            except OSError:  # a file system without hard links
                newer.replace(older)
    fresh.replace(names[0])


def _set_handlers(handlers: dict[int, Any]) -> None:
    if threading.current_thread() is threading.main_thread():  # Python lets no other set handlers
        for number, handler in handlers.items():
            signal.signal(number, handler)
