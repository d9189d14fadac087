"""Loggers that cannot cost a run its result: one that fails is switched off with a line about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger

from lightsmith.terminal import one_line, print_once

TITLES = {"WandbLogger": "W&B", "CSVLogger": "metrics.csv", "TensorBoardLogger": "tensorboard"}
# What Lightning and callbacks ask of a logger. Each may touch a disk, a network or another process.
CALLS = (
    *("log_metrics", "log_hyperparams", "log_graph", "log_image", "log_table", "log_text"),
    *("save", "finalize", "after_save_checkpoint"),
)


def guard_loggers(trainer: Trainer) -> None:
    """Let each logger of a trainer fail once: then it is no longer one of them, and is never called again."""
    for logger in list(trainer.loggers):
        for name in CALLS:
            if hasattr(type(logger), name):
                setattr(logger, name, partial(_call, trainer, logger, name))
        _attempt(trainer, logger, partial(getattr, logger, "experiment", None))


def say_switched_off(title: str, error: Exception) -> None:
    """One line about a logger that fails."""
    print_once([f"{title:<10} switched off, and the run goes on without it: {one_line(error)}"])


def _call(trainer: Trainer, logger: Logger, name: str, *arguments: object, **options: object) -> Any:
    return _attempt(trainer, logger, lambda: getattr(type(logger), name)(logger, *arguments, **options))


def _attempt(trainer: Trainer, logger: Logger, act: Callable[[], object]) -> Any:
    """Return what ``act`` does, or None where the logger fails or has failed."""
    if not any(logger is kept for kept in trainer.loggers):
        return None
    try:
        return act()
    except Exception as error:  # noqa: BLE001  # a logger may raise anything
        trainer.loggers = [kept for kept in trainer.loggers if kept is not logger]
        names = [base.__name__ for base in type(logger).__mro__]
        say_switched_off(next((TITLES[name] for name in names if name in TITLES), names[0]), error)
        return None
