"""Killing one's own process at chosen places, to show that a resumed run ends as an undisturbed one."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_modules.training.quick_steps import SKIPPED


class KillAt(Callback):
    """Sends its own process one signal after another, each in a process of its own.

    A file in the current folder for each signal sent lets the resumed run pass the same place unharmed.

    Args:
        hooks: where each signal falls: names of hooks that training or validation goes through.
        batches: number of training batches, over all epochs, from which on it falls.
        signals: which it is, such as SIGKILL or SIGTERM.
    """

    quick_steps = SKIPPED

    def __init__(self, hooks: list[str], batches: list[int], signals: list[str]) -> None:
        if not len(hooks) == len(batches) == len(signals):
            raise ValueError(f"KillAt: hooks={hooks}, batches={batches} and signals={signals} must have one length")
        self.moments = list(zip(hooks, batches, signals, strict=True))
        for hook in hooks:
            setattr(self, hook, partial(self._kill, hook))

    def _kill(self, hook: str, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        sent = len(list(Path.cwd().glob("killed-*")))
        if sent == len(self.moments):
            return
        where, batches, name = self.moments[sent]
        if hook == where and trainer.fit_loop.total_batch_idx + 1 >= batches:
            Path(f"killed-{sent}").touch()
            os.kill(os.getpid(), signal.Signals[name])
