"""Lightning's WeightAveraging beside callbacks that change the model: no public hook shows its copies."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging


def average_anew(trainer: Trainer, module: LightningModule) -> None:
    """Begin averages that are under way again: they hold a copy of the network as it was before it changed."""
    for callback in _averaging(trainer.callbacks):  # type: ignore[attr-defined]  # set by Lightning's connector
        callback.setup(trainer, module, "fit")


def averaged_copies(trainer: Trainer) -> list[Any]:
    """The copies of the model that averages are kept in: what changes its weights for good has to change them too."""
    averaging = _averaging(trainer.callbacks)  # type: ignore[attr-defined]  # set by Lightning's connector
    return [callback._average_model.module for callback in averaging if callback._average_model is not None]


def end_averaging(callbacks: Iterable[Callback]) -> None:
    """Let go of the averages of a fit, whose checkpoints hold them.

    Lightning 2.6 takes any checkpoint that is loaded into a module for one to resume: a test after a fit would get the
    weights from before averaging.
    """
    for callback in _averaging(callbacks):
        callback._average_model = None
        warnings.filterwarnings("ignore", "You're using the WeightAveraging callback, but loading a checkpoint outside")


def _averaging(callbacks: Iterable[Callback]) -> list[WeightAveraging]:
    found = (callback for callback in callbacks if isinstance(callback, WeightAveraging))
    return [callback for callback in found if callback._average_model is not None]
