"""A module with a recipe: optimizer, schedule and clipping, of whatever its network has that trains."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer

from lightning_modules.training.editable_module import EditableModule
from lightning_modules.training.optimizers import (
    OptimizerName,
    ScheduleName,
    build_optimizer,
    build_schedule,
    check_recipe,
    clip_gradients,
    parameter_groups,
)


class OptimizedModule(EditableModule):
    """Holds the settings of a training that do not depend on what is learnt.

    Args:
        optimizer: fused where torch has a fused kernel for the device.
        lr: peak learning rate.
        momentum: of SGD, RMSprop and, but for convolutions, Muon.
        weight_decay: not applied to norms and biases, nor by Muon to convolutions.
        schedule: what the learning rate does after the warm-up, over the whole run.
        warmup_fraction: share of all steps over which the learning rate rises, 0…1.
        steps_per_call: optimizer steps that are made in a row, without what Lightning does at each; the weights are the
            same. When unset, as many as take a twentieth of a second, and one by one where something acts at every
            batch.
        compile: train the network through torch.compile. It takes a minute first, so it pays in long runs only.
    """

    def __init__(
        self,
        optimizer: OptimizerName = "adamw",
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        schedule: ScheduleName = "one-cycle",
        warmup_fraction: float = 0.1,
        steps_per_call: int | None = None,
        compile: bool = False,  # noqa: A002  # what torch calls it
    ) -> None:
        super().__init__()
        check_recipe(lr, weight_decay, momentum=momentum, warmup_fraction=warmup_fraction)
        if steps_per_call is not None and steps_per_call < 1:
            raise ValueError(f"model.steps_per_call={steps_per_call} must be at least 1")
        self.optimizer_name = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup_fraction = warmup_fraction
        self.steps_per_call = steps_per_call
        self.compiles = compile

    def on_fit_start(self) -> None:
        if self.compiles:
            self.network.compile()  # in place: a wrapper would put its name into every key of the checkpoint

    def configure_optimizers(self) -> Any:
        # A gradient scaler (fp16) cannot clip under a fused optimizer.
        fused_on = None if self.trainer.precision == "16-mixed" else self.device.type
        optimizer = build_optimizer(
            self.optimizer_name,
            self.parameter_groups(),
            self.lr,
            self.momentum,
            fused_on,
            torch.bfloat16 if self.trainer.precision == "bf16-mixed" else torch.float32,
        )
        total_steps = self.trainer.estimated_stepping_batches
        assert total_steps < float("inf"), "a schedule needs an end"
        warmup_steps = round(self.warmup_fraction * total_steps)
        schedule = build_schedule(self.schedule, optimizer, int(total_steps), warmup_steps)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self.named_parameters(), self.lr, self.weight_decay, self.lr_scales)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        clip_gradients(self, optimizer, gradient_clip_val, gradient_clip_algorithm)
