"""Part of a network stays as it was pretrained, and joins the training in stages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import nn

from lightning_modules.networks.edits.add_adapters import adapted_layers
from lightning_modules.networks.layers.rounding import InputRange
from lightning_modules.training.task import Task
from lightning_modules.training.trainer_state import check_reached

NEAR_NAMES = 3


class UnfreezeBackbone(Callback):
    """Freezes modules, unfreezes them stage by stage, and scales learning rates by stage and depth.

    Gradual unfreezing and discriminative learning rates follow Howard & Ruder 2018 (ULMFiT), §3.2 and §3.3. What is
    frozen gets no gradient and is not in the optimizer; its norms keep their statistics and its dropout is off. What
    joins has a fresh optimizer state, at the rate where the schedule has come to. Weights that the network itself keeps
    fixed stay so. All patterns (fnmatch) are of names of modules, such as ``network.backbone*``, and cover what lies
    inside.

    Args:
        freeze: patterns of what is frozen at the start; nothing when unset.
        stages: by epoch, counted from 0, patterns of what begins to train there. What is in none stays frozen.
        stage_lr_factors: by epoch of a stage, factor of the learning rate of what it unfreezes; 1 where unset.
        layers: patterns of the layers, for ``layer_decay``. Each outermost module that matches is one, in the order of
            definition.
        layer_decay: factor of the learning rate from one layer to the one before it, above 0; the last layer has this
            factor itself, what is in no layer (the head) has 1. ULMFiT takes 1 / 2.6.

    Raises:
        ValueError: at the start of a fit: a pattern that matches nothing, a stage that the run does not reach, or
            stages with several processes, which reduce only the gradients that there were at the start, or ``freeze``
            beside the adapters of ApplyAdapters.
    """

    def __init__(
        self,
        freeze: list[str] | None = None,
        stages: dict[int, list[str]] | None = None,
        stage_lr_factors: dict[int, float] | None = None,
        layers: list[str] | None = None,
        layer_decay: float = 1.0,
    ) -> None:
        self.freeze = freeze or []
        self.stages = stages or {}
        self.stage_lr_factors = stage_lr_factors or {}
        self.layers = layers or []
        self.layer_decay = layer_decay
        self._check_arguments()
        self._epoch = 0  # whose stages have been reached
        self._own: set[str] = set()  # parameters that were frozen here

    def _check_arguments(self) -> None:
        for epoch in self.stages:
            if epoch < 1:
                raise ValueError(f"UnfreezeBackbone: stages has epoch {epoch}; a stage begins at epoch 1 or later")
        for epoch, factor in self.stage_lr_factors.items():
            if epoch not in self.stages or factor <= 0:
                raise ValueError(
                    f"UnfreezeBackbone: stage_lr_factors has {epoch}: {factor}; give factors above 0 of the stages "
                    f"{sorted(self.stages)}"
                )
        if self.layer_decay <= 0 or (self.layer_decay != 1 and not self.layers):
            raise ValueError(f"UnfreezeBackbone: layer_decay={self.layer_decay} must be above 0, and needs layers")

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            assert isinstance(pl_module, Task)
            if self.stages and trainer.world_size > 1:
                raise ValueError(f"UnfreezeBackbone: stages need one process, not {trainer.world_size}: set devices=1")
            self._check_patterns([name for name, _ in _modules(pl_module)])
            self._own |= self._freezable(pl_module)
            self._check_effect()
            self._apply(pl_module, epoch=0)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Unfreeze what had been unfrozen, before an optimizer is built for it."""
        if trainer.state.fn == TrainerFn.FITTING:
            assert isinstance(pl_module, Task)
            self._apply(pl_module, checkpoint["callbacks"].get(self.state_key, {"epoch": 0})["epoch"])

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Task)
        if self.stages:
            last = max(self.stages)
            check_reached(trainer, f"UnfreezeBackbone: stages' epoch {last}", last)
        if self.freeze and adapted_layers(pl_module.network):
            raise ValueError(
                "UnfreezeBackbone's freeze does not go with adapters: ApplyAdapters freezes all but what its "
                "also_train names"
            )
        self._apply(pl_module, self._epoch)  # parameters that another callback has added since have their rates now
        pl_module.sync_optimizer()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Task)
        if self._apply(pl_module, trainer.current_epoch):
            pl_module.sync_optimizer()

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self._epoch}

    def _check_patterns(self, names: Sequence[str]) -> None:
        given = [("freeze", self.freeze), ("layers", self.layers)]
        given += [(f"stages[{epoch}]", patterns) for epoch, patterns in self.stages.items()]
        for argument, patterns in given:
            for pattern in patterns:
                if not any(fnmatchcase(name, pattern) for name in names):
                    near = get_close_matches(pattern.rstrip("*."), names, n=NEAR_NAMES, cutoff=0) or names[:NEAR_NAMES]
                    raise ValueError(
                        f"UnfreezeBackbone: {argument} has {pattern!r}, which matches no module; "
                        f"near names are {', '.join(near)}"
                    )

    def _check_effect(self) -> None:
        if self.freeze and not self._own:
            raise ValueError(
                f"UnfreezeBackbone: freeze={self.freeze} matches no weights that train; is model.freeze_backbone on?"
            )
        for epoch in self.stages:
            if all(self._begins(_owner(name)) != epoch for name in self._own):
                raise ValueError(
                    f"UnfreezeBackbone: stages[{epoch}]={self.stages[epoch]} unfreezes nothing: freeze={self.freeze} "
                    "does not cover it, or an earlier stage does"
                )

    def _begins(self, name: str) -> float:
        """The epoch from which a module trains, 0 if it always does and infinity if it never does."""
        if not _covered(name, self.freeze):
            return 0
        return min((epoch for epoch, patterns in self.stages.items() if _covered(name, patterns)), default=math.inf)

    def _freezable(self, pl_module: Task) -> set[str]:
        named = pl_module.network.named_parameters(prefix="network")
        return {name for name, weight in named if weight.requires_grad and self._begins(_owner(name)) > 0}

    def _apply(self, pl_module: Task, epoch: int) -> bool:
        """Freeze and unfreeze what is due in an epoch; whether that changed which parameters train."""
        changed = False
        for name, parameter in pl_module.network.named_parameters(prefix="network"):
            trains = self._begins(_owner(name)) <= epoch
            if name in self._own and parameter.requires_grad != trains:
                parameter.requires_grad = trains
                changed = True
        frozen = [module for name, module in _modules(pl_module) if self._begins(name) > epoch]
        pl_module.rest(type(self).__name__, (m for m in frozen if not isinstance(m, InputRange)))  # it rests by itself
        self._epoch = epoch
        pl_module.lr_scales.update(self._lr_scales(pl_module))
        return changed

    def _lr_scales(self, pl_module: Task) -> dict[str, float]:
        """The factors of learning rates that are not 1, by the names of parameters."""
        layers = outermost(name for name, _ in _modules(pl_module) if _covered(name, self.layers))
        scales = {}
        for name, _ in pl_module.network.named_parameters(prefix="network"):
            depth = next((len(layers) - i for i, layer in enumerate(layers) if name.startswith(f"{layer}.")), 0)
            scales[name] = self.layer_decay**depth * self.stage_lr_factors.get(_stage(self._begins(_owner(name))), 1.0)
        return {name: scale for name, scale in scales.items() if scale != 1}


def outermost(names: Iterable[str]) -> list[str]:
    """Names of modules, in their order, without those of modules that lie within another of them."""
    kept: list[str] = []
    for name in names:  # a module comes before what lies in it
        if not any(name.startswith(f"{outer}.") for outer in kept):
            kept.append(name)
    return kept


def _modules(pl_module: Task) -> Iterator[tuple[str, nn.Module]]:
    return pl_module.network.named_modules(prefix="network")


def _owner(parameter: str) -> str:
    return parameter.rpartition(".")[0]


def _stage(begins: float) -> int:
    return int(begins) if math.isfinite(begins) else 0


def _covered(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a module or one around it matches a pattern."""
    parts = name.split(".")
    around = [".".join(parts[: n + 1]) for n in range(len(parts))]
    return any(fnmatchcase(outer, pattern) for outer in around for pattern in patterns)
