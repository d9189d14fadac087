"""A copy of what trains, in memory, that a training can go back to."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, Self

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from lightning_modules.training.editable_module import EditableModule

Shapes = list[list[list[int]]]


class Kept(NamedTuple):
    """The state to go back to when a step is left out: tensors by name, and optimizers' states by shapes of groups.

    Attributes:
        step: the optimizer step that it is from.
        edits: those of the module by then; after more of them, going back would undo more than training.
    """

    step: int = 0
    edits: int = -1
    tensors: dict[str, Tensor] = {}  # noqa: RUF012  # never written into
    optimizers: list[Any] = []  # noqa: RUF012
    shapes: Shapes = []  # noqa: RUF012

    @classmethod
    def buffers(cls, trainer: Trainer, module: EditableModule) -> Self:
        """A copy of what a forward pass writes."""
        return cls(trainer.global_step, module.edits, {name: b.clone() for name, b in module.named_buffers()})

    @classmethod
    def everything(cls, trainer: Trainer, module: EditableModule) -> Self:
        """A copy of weights, buffers and optimizers' states."""
        states = [optimizer.state_dict()["state"] for optimizer in trainer.optimizers]
        tensors = module.state_dict()
        return copy.deepcopy(cls(trainer.global_step, module.edits, tensors, states, _shapes(trainer)))

    def outdated(self, trainer: Trainer, module: EditableModule) -> bool:
        """Return whether something else than training has changed the network since, or other parameters train."""
        return self.edits != module.edits or self.shapes != _shapes(trainer)

    @torch.no_grad()
    def restore(self, trainer: Trainer, module: EditableModule) -> bool:
        """Write the copy back. The schedule stays where it is.

        Where it would undo more than training, only buffers that hold a NaN by now go back.

        Returns:
            Whether all was written back.
        """
        whole = self.edits == module.edits
        named = [*module.named_parameters(), *module.named_buffers()] if whole else _spoilt_buffers(module)
        for name, tensor in named:
            if name in self.tensors and self.tensors[name].shape == tensor.shape:
                tensor.copy_(self.tensors[name])
        for optimizer, state in zip(trainer.optimizers, self.optimizers, strict=False):  # none if only buffers are kept
            if whole:
                groups = optimizer.state_dict()["param_groups"]
                # A copy of the copy, as the optimizer goes on writing into it.
                optimizer.load_state_dict({"state": copy.deepcopy(state), "param_groups": groups})
        return whole


def _spoilt_buffers(module: EditableModule) -> list[tuple[str, Tensor]]:
    return [(name, buffer) for name, buffer in module.named_buffers() if buffer.isnan().any()]


def _shapes(trainer: Trainer) -> Shapes:
    """The shapes of the parameters in each optimizer's groups."""
    groups = [group["params"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
    return [[list(parameter.shape) for parameter in group] for group in groups]
