"""Small weights become zeros, and stay zeros."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch import Tensor
from torch.optim import Optimizer

from lightning_modules.networks.edits.masks import Scope, masks_of_largest, pack, prunable_weights, unpack
from lightning_modules.training.task import Task
from lightning_modules.training.trainer_state import average_anew, averaged_copies, forget_best


class PruneWeights(Callback):
    """Sets the smallest weights to zero, at once or little by little, and keeps them there.

    The sparsity rises along the cubic of Zhu & Gupta 2017 (arXiv:1710.01878) and then holds to the end. From each step
    on, the weights have true zeros, in every checkpoint and in Lightning's averaged weights too. Weights that are fixed
    when the pruning begins are left out. Where the network's structure changes, the zeros are chosen anew.

    Args:
        sparsity: share of zeros among these weights at the end, 0…1.
        scope: whether the smallest are looked for in all of them together or in each layer.
        begin, end: shares of the run's steps between which the sparsity rises, 0 ≤ begin ≤ end < 1. Equal ones prune
            at once.
        every_n_steps: how often it rises.
        weights: patterns of the names, such as "network.backbone.*", of weights of linear layers, convolutions, LSTMs.
        embeddings: prune embeddings too.
        pattern: N:M, such as 2:4, keeps N of every M neighbours along a layer's input, in layers where M divides it;
            sparsity is then 1 - N/M.
        rewind: at the end of the pruning, give the network its values from before the first step again, but for the
            zeros (Frankle & Carbin 2019, arXiv:1803.03635). Until then a checkpoint holds them too.
    """

    logs = ("train/sparsity",)

    def __init__(
        self,
        sparsity: float = 0.5,
        scope: Scope = "global",
        begin: float = 0.3,
        end: float = 0.7,
        every_n_steps: int = 20,
        weights: Sequence[str] = ("*",),
        embeddings: bool = False,
        pattern: str | None = None,
        rewind: bool = False,
    ) -> None:
        if not 0 < sparsity < 1:
            raise ValueError(f"PruneWeights: sparsity={sparsity} must lie between 0 and 1")
        if not 0 <= begin <= end < 1:
            raise ValueError(
                f"PruneWeights: begin={begin} and end={end} must be shares of the run, 0 ≤ begin ≤ end < 1"
            )
        if every_n_steps < 1:
            raise ValueError(f"PruneWeights: every_n_steps={every_n_steps} must be at least 1")
        self.sparsity, self.scope, self.begin, self.end = sparsity, scope, begin, end
        self.every_n_steps = every_n_steps
        self.weights, self.embeddings = tuple(weights), embeddings
        self.kept_of = None if pattern is None else _kept_of(pattern, sparsity)
        self.rewind = rewind
        self.complete = False
        self._first_step, self._last_step = 0, 0
        self._masks: dict[str, Tensor] = {}  # zeros and ones in the weights' type, in which they multiply fastest
        self._weights: list[Tensor] = []  # that belong to the masks
        self._packed: dict[str, Tensor] = {}  # masks of a checkpoint, until there are weights to put them on
        self._initial: dict[str, Tensor] = {}
        self._operations = 0
        self._reached = 0.0  # the sparsity that the masks were last chosen for

    def state_dict(self) -> dict[str, Any]:
        return {
            "masks": {name: pack(mask.bool()) for name, mask in self._masks.items()},
            "initial": dict(self._initial),
            "operations": self._operations,
            "complete": self.complete,
            "reached": self._reached,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._packed, self._initial = dict(state_dict["masks"]), dict(state_dict["initial"])
        self._operations, self.complete = state_dict["operations"], state_dict["complete"]
        self._reached = state_dict.get("reached", 0.0)  # which earlier versions did not save

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Task)
        total = int(trainer.estimated_stepping_batches)
        self._first_step, self._last_step = round(self.begin * total), round(self.end * total)
        if self._last_step >= total and not trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by Lightning's connector
            raise ValueError(f"PruneWeights: end={self.end} of {total} steps leaves none to train on: raise max_epochs")
        if not self._named(pl_module):
            raise ValueError(f"PruneWeights: weights={list(self.weights)} matches no weight that it could prune")
        self._restore_masks(pl_module)
        trainer.optimizers[0].register_step_post_hook(self._hold)  # before any callback sees what the step did

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Task)
        if self.rewind and trainer.global_step == 0:
            self._initial = {name: value.clone() for name, value in pl_module.network.state_dict().items()}

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        assert isinstance(pl_module, Task)
        step = trainer.global_step
        ends = step >= self._last_step and not self.complete
        rising = self._first_step <= step < self._last_step and not self.complete  # as an extended run may be
        rises = rising and (step - self._first_step) % self.every_n_steps == 0
        if ends or rises or self._restructured(pl_module):
            self._choose(trainer, pl_module, self._sparsity_at(step))
        if ends:
            self._finish(trainer, pl_module, optimizer)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Gradients may accumulate on after the structure changed; what is saved then must have masks that fit."""
        assert isinstance(pl_module, Task)
        if self._restructured(pl_module):
            self._choose(trainer, pl_module, self._sparsity_at(trainer.global_step))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        count = sum(mask.numel() for mask in self._masks.values())
        kept = sum(int(mask.count_nonzero()) for mask in self._masks.values())
        pl_module.log("train/sparsity", 1 - kept / count if count else 0.0)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.complete and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            rank_zero_warn(f"training ended at step {trainer.global_step}, pruning would have at {self._last_step}")

    def _restructured(self, pl_module: Task) -> bool:
        """Return whether the masks are of weights that have changed their shapes since."""
        return bool(self._masks) and self._operations != len(pl_module.operations)

    def _sparsity_at(self, step: int) -> float:
        if self.complete or step >= self._last_step:
            return self.sparsity
        # A run that was extended is at an earlier share of its steps: what is zero by then stays zero.
        left = 1 - max(0, step - self._first_step) / max(1, self._last_step - self._first_step)
        return max(self._reached, self.sparsity * (1 - left**3))

    def _named(self, pl_module: LightningModule) -> dict[str, Tensor]:
        found = prunable_weights(pl_module, self.weights, self.embeddings)
        fits = self.kept_of[1] if self.kept_of else 1
        return {name: weight for name, weight in found.items() if weight.shape[1] % fits == 0}

    def _choose(self, trainer: Trainer, pl_module: Task, sparsity: float) -> None:
        """Find the smallest weights, and make them zeros."""
        named = {name: weight for name, weight in self._named(pl_module).items() if weight.requires_grad}
        if not named:
            raise ValueError(f"PruneWeights: weights={list(self.weights)} are all fixed at step {trainer.global_step}")
        self._weights = list(named.values())
        masks = masks_of_largest(self._weights, sparsity, self.scope, self.kept_of)
        self._masks = {name: mask.to(named[name].dtype) for name, mask in zip(named, masks, strict=True)}
        self._operations, self._reached = len(pl_module.operations), sparsity
        pl_module.edits += 1
        self._hold()
        with torch.no_grad():
            for copy in averaged_copies(trainer):  # an average of zeros is zero, so once is enough
                for name, mask in self._masks.items():
                    weight = copy.get_parameter(name)
                    weight.mul_(mask.to(weight.device))

    @torch.no_grad()
    def _hold(self, *_: object) -> None:
        if self._weights:
            for weight, mask in zip(self._weights, self._masks.values(), strict=True):
                weight.mul_(mask)

    def _finish(self, trainer: Trainer, pl_module: Task, optimizer: Optimizer) -> None:
        self.complete = True
        forget_best(trainer)
        if self.rewind:
            if _shapes(self._initial) != _shapes(pl_module.network.state_dict()):
                raise ValueError("PruneWeights: rewind=true needs a network whose structure stays as it was at first")
            pl_module.network.load_state_dict(self._initial)
            self._hold()
            average_anew(trainer, pl_module)
            optimizer.state.clear()
            optimizer.zero_grad()  # its gradients are of the weights before
            self._initial = {}

    def _restore_masks(self, pl_module: LightningModule) -> None:
        named = dict(pl_module.named_parameters())
        packed, self._packed = self._packed, {}
        try:
            self._masks = {name: unpack(mask, named[name]).to(named[name].dtype) for name, mask in packed.items()}
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"PruneWeights: a mask of the checkpoint fits no weight of the network: {error}"
            ) from error
        self._weights = [named[name] for name in self._masks]


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _kept_of(pattern: str, sparsity: float) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2}):(\d{1,2})", pattern)
    n, m = map(int, found.groups()) if found else (0, 0)
    if not 0 < n < m:
        raise ValueError(f"PruneWeights: pattern={pattern!r} must be N:M with 0 < N < M, such as 2:4")
    if sparsity != 1 - n / m:
        raise ValueError(f"PruneWeights: pattern={pattern} means sparsity={1 - n / m}, not {sparsity}")
    return n, m
