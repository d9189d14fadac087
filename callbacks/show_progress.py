"""Progress of training on the terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

from lightning_modules.training.quick_steps import SKIPPED
from lightning_modules.training.task import Task


class ShowProgress(TQDMProgressBar):
    """A progress bar while an epoch lasts, on a terminal only, and a line per epoch that stays.

    Args:
        refresh_rate: steps between two updates of the bar.
    """

    quick_steps = SKIPPED

    def __init__(self, refresh_rate: int = 10) -> None:
        super().__init__(refresh_rate if sys.stdout.isatty() else 0)
        self._started = 0.0
        self._validated = False  # in this epoch

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The metrics without the logger's version number."""
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return metrics

    def on_train_start(self, *arguments: object) -> None:
        self._started = time.perf_counter()  # of the rest of an epoch, which no on_train_epoch_start announces
        super().on_train_start(*arguments)

    def state_dict(self) -> dict[str, Any]:
        return {"validated": self._validated}

    def load_state_dict(self, state_dict: dict[str, bool]) -> None:
        self._validated = state_dict["validated"]

    def on_train_epoch_start(self, trainer: Trainer, *_: object) -> None:
        self._started = time.perf_counter()
        super().on_train_epoch_start(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_end(trainer, pl_module)
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        metrics = trainer.callback_metrics  # an earlier epoch's, where this one was not validated
        assert isinstance(pl_module, Task)
        shown = ("train/loss", "val/loss", f"val/{pl_module.headline.metric}")
        known = [name for name in shown if name in metrics and (self._validated or not name.startswith("val/"))]
        figures = "  ".join(f"{name} {float(metrics[name]):.4f}" for name in known)
        self._validated = False
        of = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        line = f"epoch {trainer.current_epoch + 1}{of}  {figures}  {time.perf_counter() - self._started:.1f} s"
        if self.is_enabled:
            self.print(line)
        elif trainer.is_global_zero:
            print(line, flush=True)
