"""A callback that acts from an epoch on belongs in a run that gets there."""

from __future__ import annotations

import math

from lightning.pytorch import Trainer


def check_reached(trainer: Trainer, what: str, epoch: int) -> None:
    """Refuse an epoch that a fit, whose data is loaded, will not reach.

    A fast_dev_run may be as short as it likes, and of one without training batches nothing is known.

    Args:
        what: the callback and the argument that give the epoch.
        epoch: counted from 0.

    Raises:
        ValueError: ``trainer.max_epochs`` or ``trainer.max_steps`` ends the run before it.
    """
    if trainer.fast_dev_run or math.isinf(trainer.num_training_batches):  # type: ignore[attr-defined]  # set by Lightning's connector
        return
    steps_per_epoch = math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)
    epochs = trainer.estimated_stepping_batches / steps_per_epoch
    if epochs <= epoch:
        raise ValueError(
            f"{what} is not reached in the run's {epochs:.4g} epochs: give more than {epoch}, by trainer.max_epochs or "
            "trainer.max_steps"
        )
