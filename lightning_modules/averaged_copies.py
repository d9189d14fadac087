"""Where a run that averages its weights has them."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import WeightAveraging


def averaged_copies(trainer: Trainer) -> list[Any]:
    """The copies of the model in which Lightning's WeightAveraging callbacks average; no public hook shows them.

    What changes the model for good has to change them too, or the next average undoes it.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by Lightning's connector
    averages = [callback._average_model for callback in callbacks if isinstance(callback, WeightAveraging)]
    return [average.module for average in averages if average is not None]
