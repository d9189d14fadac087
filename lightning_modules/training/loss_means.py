"""Means of the loss over items, whose batches may differ in size."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torchmetrics import Metric


class MeanOverItems(Metric):
    """The mean of what batches' means are given for, over all processes.

    torchmetrics' MeanMetric leaves out what is not a number, or forgets the weights, and looks for such at each batch.
    """

    total: Tensor
    n: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("n", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, mean: Tensor, items: int) -> None:
        """Take the mean () of a batch of this many items."""
        self.total += mean.detach() * items
        self.n += items

    def compute(self) -> Tensor:
        """The mean ()."""
        return self.total / self.n


class TrainingLoss:
    """The mean training loss of an item: since it was last asked for in an epoch, and over the whole epoch.

    Losses stay on their device and wait there to be summed up, so that no step waits for one. A batch counts by its
    items, so that a smaller last one weighs less.

    Attributes:
        items: how many of this epoch have been added.
        skips_nonfinite: whether batches whose loss is NaN or infinite have no part in the means.
    """

    def __init__(self) -> None:
        self.items = 0
        self.skips_nonfinite = False
        self._sum: Tensor | None = None  # over the items that no longer wait, float32 ()
        self._counted: Tensor | None = None  # how many of these have a part in it, float32 ()
        self._waiting: list[Tensor] = []
        self._sizes: list[int] = []

    def add(self, loss: Tensor, items: int) -> None:
        """Take the mean loss () of a batch."""
        self._waiting.append(loss)
        self._sizes.append(items)
        self.items += items

    def recent_mean(self) -> Tensor | None:
        """The mean () since the last call in this epoch; None if nothing was added."""
        recent = self._sum_up()
        return None if recent is None else recent[0] / recent[1]

    def epoch_mean(self) -> Tensor:
        """The mean () over the epoch so far, which must have items."""
        self._sum_up()
        assert self._sum is not None
        assert self._counted is not None
        return self._sum / self._counted

    def reset(self) -> None:
        """Begin another epoch."""
        self.items, self._sum, self._counted = 0, None, None
        self._waiting, self._sizes = [], []

    def state(self) -> dict[str, Any]:
        """Everything that a resumed epoch needs to come to the same means, to the bit; tensors are on the CPU."""
        return {
            "items": self.items,
            "sum": None if self._sum is None else self._sum.cpu(),
            "counted": None if self._counted is None else self._counted.cpu(),
            "waiting": [loss.cpu() for loss in self._waiting],
            "sizes": list(self._sizes),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self.items, self._sum = state["items"], state["sum"]
        self._waiting, self._sizes = list(state["waiting"]), list(state["sizes"])
        summed = self.items - sum(self._sizes)
        self._counted = state.get("counted", torch.tensor(float(summed)))  # older checkpoints count all of them

    def _sum_up(self) -> tuple[Tensor, Tensor] | None:
        """Add to the epoch's sum what waits, and return that part of it and its number of items."""
        if not self._waiting:
            return None
        device = self._waiting[-1].device  # those of a checkpoint are still on the CPU
        sizes = torch.tensor(self._sizes, dtype=torch.float32).to(device, non_blocking=True)
        losses = torch.stack([loss.float().to(device) for loss in self._waiting])
        if self.skips_nonfinite:
            finite = losses.isfinite()
            losses, sizes = losses.where(finite, 0), sizes * finite
        recent, counted = losses.dot(sizes), sizes.sum()
        if self._sum is not None and self._counted is not None:
            self._sum, self._counted = self._sum.to(device) + recent, self._counted.to(device) + counted
        else:
            self._sum, self._counted = recent, counted
        self._waiting, self._sizes = [], []
        return recent, counted


def log_step(module: LightningModule, loss: TrainingLoss) -> None:
    """Log the mean loss since the last such step, and the learning rate."""
    mean = loss.recent_mean()
    if mean is not None:
        module.log("train/loss_step", mean, on_step=True, on_epoch=False, prog_bar=True, sync_dist=True)
        _log_rate(module, on_step=True, on_epoch=False)


def log_epoch(module: LightningModule, loss: TrainingLoss) -> None:
    """Log the mean loss over the epoch's items so far, of all processes, and the learning rate."""
    options: dict[str, Any] = {"prog_bar": True, "sync_dist": True, "batch_size": loss.items}
    module.log("train/loss", loss.epoch_mean(), on_step=False, on_epoch=True, **options)
    _log_rate(module, on_step=False, on_epoch=True)


def _log_rate(module: LightningModule, on_step: bool, on_epoch: bool) -> None:
    rate = module.trainer.optimizers[0].param_groups[0]["lr"]
    module.log("train/lr", rate, on_step=on_step, on_epoch=on_epoch, batch_size=1)


def states_of_all_ranks(trainer: Trainer, loss: TrainingLoss) -> list[dict[str, Any]]:
    """The states of every process, by rank."""
    states = [loss.state()] * trainer.world_size
    if trainer.world_size > 1:
        torch.distributed.all_gather_object(states, states[0])
    return states
