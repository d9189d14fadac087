"""A step whose loss or gradients are not finite never reaches the weights."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from lightning_modules.training.batch import Batch
from lightning_modules.training.editable_module import EditableModule
from lightning_modules.training.kept_weights import Kept
from lightning_modules.training.nonfinite import Step, cause_in, norms_of, poisoned, what_is_nonfinite
from lightning_modules.training.quick_steps import HEARD

STAGE = "keep"


class NonFiniteError(RuntimeError):
    """Something in training is NaN or infinite; the message says where."""


class Sent(NamedTuple):
    """A bool on its way from the device to the host."""

    value: Tensor
    copied: torch.cuda.Event | None

    def arrived(self) -> bool:
        if self.copied is not None:
            self.copied.synchronize()
        return bool(self.value)


class GuardNumerics(Callback):
    """Looks at the losses and gradients of each optimizer step before it is made.

    What is NaN or infinite, or a gradient whose norm overflows, is reported with the step, the first module where it
    shows, and the items behind it. On a GPU with a fused optimizer the step is left out on the device and reported at
    the next one, so nothing waits. Weights that are not finite are never saved. Under fp16 the gradients are left to
    the scaler, and with several processes the losses to the gradients.

    Args:
        on_nonfinite: ``stop`` ends the run with NonFiniteError. ``skip`` leaves the step out. ``rollback`` also takes
            weights and optimizer back to the last copy in memory, and goes on with the next batch. It never takes back
            what changed the network otherwise, such as pruning: from such a change on, a new copy is made.
        most_in_a_row: the run ends after more than this many steps in a row were left out.
        copy_every_n_steps: how often ``rollback`` makes its copy, which is part of every checkpoint.
    """

    quick_steps = HEARD

    def __init__(
        self,
        on_nonfinite: Literal["stop", "skip", "rollback"] = "stop",
        most_in_a_row: int = 10,
        copy_every_n_steps: int = 100,
    ) -> None:
        for name, count in (("most_in_a_row", most_in_a_row), ("copy_every_n_steps", copy_every_n_steps)):
            if count < 1:
                raise ValueError(f"GuardNumerics: {name}={count} must be at least 1")
        self.on_nonfinite = on_nonfinite
        self.most_in_a_row = most_in_a_row
        self.copy_every_n_steps = copy_every_n_steps
        self.left_out = 0
        self._in_a_row = 0
        # Of the batches since the last step:
        self._indices: list[Tensor] = []
        self._losses: list[Tensor] = []
        self._batch: Any = None  # the last
        self._finite: Sent | None = None  # whether its loss is
        self._cause = ""
        self._unseen: tuple[Step, Sent] | None = None  # a step that the device may have left out
        self._known = ""  # what it left out, once that is known
        self._kept = Kept()
        self._ended = False

    def state_dict(self) -> dict[str, Any]:
        return {
            "left_out": self.left_out,
            "in_a_row": self._in_a_row,
            "indices": self._indices,
            "losses": self._losses,
            "cause": self._cause,
            "known": self._known,
            "kept": self._kept._asdict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self._ended:  # a test of the best checkpoint restores callbacks too
            return
        self.left_out, self._in_a_row = state_dict["left_out"], state_dict["in_a_row"]
        self._indices, self._losses = list(state_dict["indices"]), list(state_dict["losses"])
        self._cause, self._known = state_dict["cause"], state_dict["known"]
        self._kept = Kept(**state_dict["kept"])

    def on_fit_start(self, trainer: Trainer, pl_module: EditableModule) -> None:  # type: ignore[override]  # ours
        self._losses = [loss.to(trainer.strategy.root_device) for loss in self._losses]  # those of a checkpoint
        pl_module.skips_nonfinite = self.on_nonfinite != "stop"
        if pl_module.skips_nonfinite:
            pl_module.batch_transforms[STAGE] = partial(self._keep, trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: EditableModule) -> None:  # type: ignore[override]  # ours
        pl_module.batch_transforms.pop(STAGE, None)
        pl_module.skips_nonfinite = False
        self._ended = True

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        self._look_at_loss(trainer, pl_module)
        self._batch = batch
        self._indices.append(batch.index)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self._losses.append(loss.detach())
        if trainer.accumulate_grad_batches > 1 and trainer.world_size == 1:
            self._finite = _send(loss.detach().isfinite())

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: EditableModule, optimizer: Optimizer) -> None:  # type: ignore[override]  # ours
        rolled_back = not self._look_back(trainer, pl_module)
        step = self._observe(trainer, optimizer)
        self._indices, self._losses, self._batch, self._finite, self._cause = [], [], None, None, ""
        if rolled_back:
            optimizer.zero_grad()  # its gradients are of the weights before
        elif self._can_wait(step, optimizer):
            self._unseen = step, _leave_out_on_device(step, optimizer)
        elif not _all_finite(step.magnitudes):
            optimizer.zero_grad()  # an optimizer changes nothing that has no gradient
            self._leave_out(what_is_nonfinite(step, trainer, pl_module), trainer, pl_module)
        else:
            self._in_a_row = 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: EditableModule) -> None:  # type: ignore[override]  # ours
        self._look_back(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Save what is known of the steps so far; what it leads to comes when it would have without the save."""
        self._wait(trainer, pl_module)
        self._look_at_loss(trainer, pl_module)
        if self._known and self.on_nonfinite == "stop":
            raise NonFiniteError(self._known)
        if name := poisoned(pl_module):
            raise NonFiniteError(f"step {trainer.global_step}: {name} is not finite, so nothing was saved")
        checkpoint["callbacks"][self.state_key] = self.state_dict()

    def _look_at_loss(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let go of a batch that gradients are accumulated over; had its loss been wrong, say first where."""
        batch, finite = self._batch, self._finite
        self._batch = self._finite = None
        if finite is not None and not finite.arrived() and not self._cause:
            with trainer.precision_plugin.train_step_context():
                self._cause = cause_in(batch, pl_module, of_loss=True)

    def _observe(self, trainer: Trainer, optimizer: Optimizer) -> Step:
        scaled = getattr(trainer.precision_plugin, "scaler", None) is not None
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        looks = parameters and not scaled  # a rewind in this step leaves no gradients
        norms = norms_of([p.grad for p in parameters if p.grad is not None]) if looks else []
        losses = [loss.float() for loss in self._losses] if trainer.world_size == 1 else []
        magnitudes = torch.stack([*losses, *norms]) if losses or norms else torch.zeros(1)
        gradients = [] if scaled else parameters
        return Step(trainer.global_step, self._indices, self._batch, self._cause, magnitudes, gradients)

    def _can_wait(self, step: Step, optimizer: Optimizer) -> bool:
        """Return whether the GPU can leave the step out by itself; in the first one, SGD would keep unset memory."""
        able = optimizer.defaults.get("fused") and optimizer.state and step.gradients and step.magnitudes.is_cuda
        return bool(able) and self.on_nonfinite != "skip"

    def _wait(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait until it is known whether the last step was finite."""
        if self._unseen is None:
            return
        (step, nonfinite), self._unseen = self._unseen, None
        if nonfinite.arrived():
            self._known = what_is_nonfinite(step, trainer, pl_module)
        else:
            self._in_a_row = 0

    def _look_back(self, trainer: Trainer, pl_module: EditableModule) -> bool:
        """Return whether the last step was finite, if that was not known before."""
        self._wait(trainer, pl_module)
        found, self._known = self._known, ""
        if found:
            self._leave_out(found, trainer, pl_module)
        return not found

    def _leave_out(self, found: str, trainer: Trainer, pl_module: EditableModule) -> None:
        self.left_out += 1
        self._in_a_row += 1
        if self.on_nonfinite == "stop":
            raise NonFiniteError(found)
        if self._in_a_row > self.most_in_a_row:
            raise NonFiniteError(f"{found}; so were the {self.most_in_a_row} steps before, which were left out")
        whole = self._kept.restore(trainer, pl_module)
        did = f"rolled back to step {self._kept.step}" if self.on_nonfinite == "rollback" and whole else "left out"
        pl_module.print(f"{found}; {did} ({self.left_out} so far)")

    def _keep(self, trainer: Trainer, pl_module: EditableModule, batch: Batch) -> Any:
        """Copy what may have to be restored: with ``skip`` only the buffers, which the forward pass writes.

        Just before the first forward pass since a step, when every callback has changed what it changes.

        Returns:
            The batch as it is.
        """
        if self._losses:
            return batch
        due = trainer.global_step % self.copy_every_n_steps == 0 or self._kept.outdated(trainer, pl_module)
        if self.on_nonfinite == "skip":
            self._kept = Kept.buffers(trainer, pl_module)
        elif due and self._look_back(trainer, pl_module) and not poisoned(pl_module):
            self._kept = Kept.everything(trainer, pl_module)
        return batch


def _all_finite(values: Tensor) -> bool:
    """Look at the sum of (n,) values first, which is one kernel of five; it may overflow though all are finite."""
    return math.isfinite(values.sum().item()) or bool(values.isfinite().all())


def _leave_out_on_device(step: Step, optimizer: Any) -> Sent:
    """Let the fused kernel do nothing if the step is not finite; whether it was not is on its way to the host."""
    nonfinite = ~step.magnitudes.isfinite().all()
    optimizer.found_inf = nonfinite.float()  # how torch's gradient scaler says it
    return _send(nonfinite)


def _send(value: Tensor) -> Sent:
    on_host = value.to("cpu", non_blocking=True)
    copied = torch.cuda.Event() if value.is_cuda else None
    if copied is not None:
        copied.record()
    return Sent(on_host, copied)
