"""A network becomes narrower in the middle of its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from lightning_modules.networks.edits.choose_channels import Choice, channels_to_keep
from lightning_modules.networks.edits.remove_channels import narrowed
from lightning_modules.networks.probes.macs import count_macs
from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Task
from lightning_modules.training.trainer_state import check_reached, forget_best


class PruneChannels(Callback):
    """Removes the least important channels, once; the rest of the run trains what is left.

    Channels that depend on each other go together, as torch-pruning finds them (Fang et al. 2023, arXiv:2301.12900).
    What is left keeps its weights and its optimizer's moments. The network is really smaller, and checkpoints load
    anywhere without this callback. It takes networks of plain convolutions, linear layers and batch norms; layers with
    fixed parameters stay whole.

    Args:
        macs: share of the multiply-accumulate operations that is left, 0…1.
        epoch: at whose beginning, counted from 0. From trained weights, 0 will do.
        round_to: the channels that stay in each layer are a multiple of this; processors are made for 8 or 16.
    """

    def __init__(self, macs: float = 0.5, epoch: int = 0, round_to: int = 8) -> None:
        if not 0 < macs < 1:
            raise ValueError(f"PruneChannels: macs={macs} must lie between 0 and 1")
        if epoch < 0 or round_to < 1:
            raise ValueError(f"PruneChannels: epoch={epoch} must be at least 0 and round_to={round_to} at least 1")
        self.macs, self.epoch, self.round_to = macs, epoch, round_to
        self.done = False

    def state_dict(self) -> dict[str, Any]:
        return {"done": self.done}

    def load_state_dict(self, state_dict: dict[str, bool]) -> None:
        self.done = state_dict["done"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size > 1:
            raise ValueError("PruneChannels works in one process only: set trainer.devices=1")
        check_reached(trainer, f"PruneChannels: epoch={self.epoch}", self.epoch)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        if self.done or trainer.current_epoch < self.epoch:
            return
        assert isinstance(pl_module, Task)
        self.done = True
        inputs = [tensor[:1] for tensor in batch.inputs]
        before = count_macs(pl_module.network, inputs)
        try:
            kept = channels_to_keep(pl_module.network, inputs, self.macs, self.round_to)
        except ValueError as error:
            raise ValueError(f"PruneChannels: {error}") from error
        moments = _moments(trainer.optimizers[0], pl_module)
        pl_module.operate("remove_channels", kept=kept)
        _give_back(moments, trainer.optimizers[0], pl_module, kept)
        forget_best(trainer)
        share = count_macs(pl_module.network, inputs) / before
        parameters = sum(parameter.numel() for parameter in pl_module.network.parameters())
        pl_module.print(f"PruneChannels: {share:.1%} of the MACs are left, and {parameters:,} parameters")


def _moments(optimizer: Optimizer, pl_module: LightningModule) -> dict[str, dict[str, Any]]:
    named = pl_module.named_parameters()
    return {name: optimizer.state[parameter] for name, parameter in named if parameter in optimizer.state}


def _give_back(
    moments: Mapping[str, Mapping[str, object]], optimizer: Optimizer, pl_module: Task, kept: Choice
) -> None:
    """Give the parameters that are new because they are smaller what is left of the moments of the old."""
    for layer, sides in kept.items():
        for name, parameter in pl_module.network.get_submodule(layer).named_parameters(recurse=False):
            old = moments.get(f"network.{layer}.{name}", {})
            state = {key: narrowed(value, sides) if isinstance(value, Tensor) else value for key, value in old.items()}
            if state:
                optimizer.state[parameter] = state
