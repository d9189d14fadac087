"""The parts of a Trainer that callbacks ask for and change: averages of weights, length of the run, "best so far"."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, StochasticWeightAveraging, WeightAveraging


class Swap:
    """Exchanges the weights that train and their average, as Lightning does, and knows which the module holds.

    Attributes:
        exchanged: whether the module holds the average, as it does throughout a validation.
    """

    def __init__(self, callback: WeightAveraging) -> None:
        self.callback = callback
        self.exchanged = False

    def __call__(self, module: LightningModule) -> None:
        type(self.callback)._swap_models(self.callback, module)
        self.exchanged = not self.exchanged


def follow_swaps(trainer: Trainer) -> None:
    """Have averages say from now on whether they are exchanged with the weights that train.

    Raises:
        ValueError: two callbacks keep averages, and would exchange them with each other; or one is
            StochasticWeightAveraging, which takes schedule and optimizer over and saves half of what it needs.
    """
    averaging = list(_averaging(trainer))
    if len(averaging) > 1:
        names = " and ".join(type(callback).__name__ for callback in averaging)
        raise ValueError(f"trainer.callbacks has {names}, of which a run can have one: leave the other out")
    if any(isinstance(callback, StochasticWeightAveraging) for callback in _callbacks(trainer)):
        raise ValueError(
            "StochasticWeightAveraging would not go on after an interruption: take Lightning's WeightAveraging, which "
            "keeps the same average"
        )
    for callback in averaging:
        setattr(callback, "_swap_models", Swap(callback))  # noqa: B010  # a method, to a type checker


def save_average(trainer: Trainer, checkpoint: dict[str, Any]) -> None:
    """Make the average a checkpoint's weights, at whatever moment it is saved.

    Lightning takes the module's weights for those that train, which they are not during a validation; and where only
    weights are saved, it does not ask its callbacks.

    Args:
        checkpoint: changed in place; Lightning's callbacks have written into it.
    """
    for callback in _averaging(trainer):
        swap = callback._swap_models
        exchanged = isinstance(swap, Swap) and swap.exchanged
        if "averaging_state" not in checkpoint and not exchanged:
            checkpoint["state_dict"] = callback._average_model.module.state_dict()
        elif "averaging_state" in checkpoint and exchanged:
            training, average = checkpoint["state_dict"], checkpoint["current_model_state"]
            checkpoint["state_dict"], checkpoint["current_model_state"] = average, training


def average_anew(trainer: Trainer, module: LightningModule) -> None:
    """Begin averages that are under way again: they hold a copy of the network as it was before it changed."""
    for callback in _averaging(trainer):
        callback.setup(trainer, module, "fit")


def averaged_copies(trainer: Trainer) -> list[Any]:
    """The copies of the model that averages are kept in: what changes its weights for good has to change them too."""
    return [callback._average_model.module for callback in _averaging(trainer)]


def end_averaging(trainer: Trainer) -> None:
    """Let go of the averages of a fit, whose checkpoints hold them.

    Lightning 2.6 takes any checkpoint that is loaded into a module for one to resume: a test after a fit would get the
    weights from before averaging.
    """
    for callback in _averaging(trainer):
        callback._average_model = None
        warnings.filterwarnings("ignore", "You're using the WeightAveraging callback, but loading a checkpoint outside")


def _averaging(trainer: Trainer) -> Iterable[Any]:
    """The callbacks that have an average under way."""
    found = [callback for callback in _callbacks(trainer) if isinstance(callback, WeightAveraging)]
    return [callback for callback in found if callback._average_model is not None]


def _callbacks(trainer: Trainer) -> list[Callback]:
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set by Lightning's connector
    return callbacks


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


def forget_best(trainer: Trainer) -> None:
    """Let only later epochs be the best: a checkpoint of the network before would be tested in its place."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by Lightning's connector
        if isinstance(callback, ModelCheckpoint) and callback.monitor is not None:
            callback.best_k_models.clear()
            callback.best_model_score, callback.best_model_path, callback.kth_best_model_path = None, "", ""
            callback.kth_value = torch.tensor(torch.inf if callback.mode == "min" else -torch.inf)
        elif isinstance(callback, EarlyStopping):
            callback.wait_count = 0
            callback.best_score = torch.tensor(torch.inf if callback.mode == "min" else -torch.inf)
