"""The learning-rate range test: train for a few steps at ever higher rates, and watch the loss (Smith 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from tqdm.auto import tqdm

from lightsmith.settings.allowed_classes import leaves
from lightsmith.studies.tuning.copied_fit import Passes, TunedCLI
from lightsmith.studies.tuning.curve import Curve
from lightsmith.studies.tuning.rate_option import RateOption, find_rate_option


def run_range_test(cli: TunedCLI, rates: Sequence[float]) -> RaiseRate:
    """Train a copy of the experiment's model, a step at each rate, until its loss diverges.

    Raises:
        ValueError: no option sets the optimizer's rate.
    """
    raised = RaiseRate(rates, list(leaves(cli.options)))
    passes = Passes(cli.datamodule.train_dataloader())
    batches = len(rates) * cli.options.trainer.accumulate_grad_batches + 1
    try:
        cli.fit_copy(passes, max(len(passes.loader), batches), raised)
    finally:
        raised.bar.close()
    return raised


class RaiseRate(Callback):
    """Gives each optimizer step the next rate, whatever the schedule says, and keeps the losses.

    The groups of an optimizer keep the proportion of their rates to each other.

    Args:
        rates: of each step, as values of the option that sets the rate.
        settings: (dotted key, value) of everything that is set.

    Attributes:
        option: sets the rate; known once training has begun.
        curve: the losses so far.
        group_rates: of the optimizer's groups in the experiment, without a schedule.
        optimizer: name of its class.
    """

    option: RateOption

    def __init__(self, rates: Sequence[float], settings: Sequence[tuple[str, object]]) -> None:
        self.curve = Curve([], [])
        self.group_rates: list[float] = []
        self.optimizer = ""
        self.bar = tqdm(total=len(rates), desc="Learning rates", unit=" steps", leave=False, disable=None)
        self._rates = rates
        self._settings = settings
        self._losses: list[float] = []  # of the batches of a step

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.optimizer = type(trainer.optimizers[0]).__name__
        self.group_rates = [_own_rate(group) for group in _groups(trainer)]
        self.option = find_rate_option(self._settings, self.group_rates)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int) -> None:
        factor = self._rates[len(self.curve.losses)] / self.option.value
        for group in _groups(trainer):
            group["lr"] = _own_rate(group) * factor

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self._losses.append(float(loss.detach()) * trainer.accumulate_grad_batches)  # by which Lightning has divided it

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        if len(self._losses) < trainer.accumulate_grad_batches:
            return
        self.curve = self.curve.then(self._rates[len(self.curve.losses)], fmean(self._losses))
        self._losses = []
        self.bar.update()
        trainer.should_stop = self.curve.diverged or len(self.curve.losses) == len(self._rates)


def _groups(trainer: Trainer) -> list[dict[str, Any]]:
    return [group for optimizer in trainer.optimizers for group in optimizer.param_groups]


def _own_rate(group: dict[str, Any]) -> float:
    """The rate of a group in the experiment, written down where torch's schedules write it."""
    rate: float = group.setdefault("initial_lr", group["lr"])
    return rate
