"""A step whose loss or gradients are not finite never reaches the weights."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from typing import Any, Literal, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

SHOWN_ITEMS = 10


class NonFiniteError(RuntimeError):
    """Something in training is NaN or infinite; the message says where."""


class Step(NamedTuple):
    """What an optimizer step is made of; ``magnitudes`` are its losses and its gradients' norms, float32 (n,)."""

    number: int
    batches: list[Any]
    magnitudes: Tensor
    gradients: list[nn.Parameter]


class Kept(NamedTuple):
    """What a step that is left out goes back to: tensors by name, and optimizers' states for groups of these shapes."""

    step: int
    tensors: dict[str, Tensor]
    optimizers: list[Any]
    shapes: list[list[torch.Size]]


class GuardNumerics(Callback):
    """Looks at the losses and gradients of each optimizer step before it is made.

    What is NaN or infinite, or a gradient whose norm overflows, is reported with the step, the first module where it
    shows, and the items behind it. On a GPU with a fused optimizer the step is left out on the device and reported at
    the next one, so nothing waits. Weights that are not finite are never saved. Under fp16 the gradients are left to
    the scaler, and with several processes the losses to the gradients.

    Args:
        on_nonfinite: ``stop`` ends the run with NonFiniteError. ``skip`` leaves the step out. ``rollback`` also takes
            weights and optimizer back to the last copy in memory, and goes on with the next batch.
        most_in_a_row: so many steps may be left out one after another before the run ends all the same.
        copy_every_n_steps: how often ``rollback`` makes its copy.
    """

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
        self._batches: list[Any] = []
        self._losses: list[Tensor] = []
        self._unseen: tuple[Step, Tensor, torch.cuda.Event | None] | None = None
        self._kept = Kept(0, {}, [], [])

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if not self._batches and self.on_nonfinite != "stop":
            self._keep(trainer, pl_module)
        self._batches.append(batch)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self._losses.append(loss.detach())

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        rolled_back = not self._look_back(trainer, pl_module)
        step = self._observe(trainer, optimizer)
        self._batches, self._losses = [], []
        if rolled_back:
            optimizer.zero_grad()  # its gradients are of the weights before
        elif self._can_wait(step, optimizer):
            self._unseen = _leave_out_on_device(step, optimizer)
        elif not step.magnitudes.isfinite().all():
            optimizer.zero_grad()  # an optimizer changes nothing that has no gradient
            self._leave_out(step, trainer, pl_module)
        else:
            self._in_a_row = 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look_back(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._look_back(trainer, pl_module)
        if name := poisoned(pl_module):
            raise NonFiniteError(f"step {trainer.global_step}: {name} is not finite, so nothing was saved")

    def _observe(self, trainer: Trainer, optimizer: Optimizer) -> Step:
        scaled = getattr(trainer.precision_plugin, "scaler", None) is not None
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norms = [] if scaled else torch._foreach_norm([p.grad for p in parameters])  # as torch's own clipping does
        losses = [loss.float() for loss in self._losses] if trainer.world_size == 1 else []
        magnitudes = torch.stack([*losses, *norms]) if losses or norms else torch.zeros(1)
        return Step(trainer.global_step, self._batches, magnitudes, [] if scaled else parameters)

    def _can_wait(self, step: Step, optimizer: Optimizer) -> bool:
        """Whether the GPU can leave the step out by itself; in its first, torch's SGD would keep unset memory."""
        able = optimizer.defaults.get("fused") and optimizer.state and step.gradients and step.magnitudes.is_cuda
        return bool(able) and self.on_nonfinite != "skip"

    def _look_back(self, trainer: Trainer, pl_module: LightningModule) -> bool:
        """Whether the last step was finite, if that is not known yet."""
        if self._unseen is None:
            return True
        (step, nonfinite, copied), self._unseen = self._unseen, None
        if copied is not None:
            copied.synchronize()
        if nonfinite:
            self._leave_out(step, trainer, pl_module)
            return False
        self._in_a_row = 0
        return True

    def _leave_out(self, step: Step, trainer: Trainer, pl_module: LightningModule) -> None:
        found = f"step {step.number}: {where_nonfinite(step, trainer, pl_module)}"
        self.left_out += 1
        self._in_a_row += 1
        if self.on_nonfinite == "stop":
            raise NonFiniteError(found)
        if self._in_a_row > self.most_in_a_row:
            raise NonFiniteError(f"{found}; so were the {self.most_in_a_row} steps before, which were left out")
        self._restore(trainer, pl_module)
        did = "left out" if self.on_nonfinite == "skip" else f"rolled back to step {self._kept.step}"
        pl_module.print(f"{found}; {did} ({self.left_out} so far)")

    def _keep(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Copy what may have to be restored: with ``skip`` only the buffers, which the forward pass writes."""
        shapes = [[p.shape for p in group["params"]] for opt in trainer.optimizers for group in opt.param_groups]
        due = shapes != self._kept.shapes or trainer.global_step % self.copy_every_n_steps == 0
        if self.on_nonfinite == "skip":
            self._kept = Kept(trainer.global_step, {name: b.clone() for name, b in pl_module.named_buffers()}, [], [])
        elif due and self._look_back(trainer, pl_module) and not poisoned(pl_module):
            states = [optimizer.state_dict()["state"] for optimizer in trainer.optimizers]
            self._kept = copy.deepcopy(Kept(trainer.global_step, pl_module.state_dict(), states, shapes))

    @torch.no_grad()
    def _restore(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, tensor in [*pl_module.named_parameters(), *pl_module.named_buffers()]:
            if name in self._kept.tensors:
                tensor.copy_(self._kept.tensors[name])
        for optimizer, state in zip(trainer.optimizers, self._kept.optimizers, strict=False):  # none with `skip`
            # A copy, as the optimizer goes on writing into it. The schedule stays where it is.
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": copy.deepcopy(state), "param_groups": groups})


def _leave_out_on_device(step: Step, optimizer: Any) -> tuple[Step, Tensor, torch.cuda.Event | None]:
    """Let the fused kernel do nothing if the step is not finite; whether it was is on its way to the host."""
    nonfinite = ~step.magnitudes.isfinite().all()
    optimizer.found_inf = nonfinite.float()  # how torch's gradient scaler says it
    on_host = nonfinite.to("cpu", non_blocking=True)
    copied = torch.cuda.Event() if nonfinite.is_cuda else None
    if copied is not None:
        copied.record()
    return step, on_host, copied


def poisoned(module: nn.Module) -> str | None:
    """The first parameter that is not finite, or buffer with a NaN in it; a buffer may hold infinities, as masks do."""
    floats = {name: t.detach() for name, t in module.state_dict().items() if t.is_floating_point()}
    if not floats or torch.stack(torch._foreach_norm(list(floats.values()))).isfinite().all():
        return None
    parameters = dict(module.named_parameters())
    return next((n for n, t in floats.items() if not (t.isfinite() if n in parameters else ~t.isnan()).all()), None)


def where_nonfinite(step: Step, trainer: Trainer, pl_module: LightningModule) -> str:
    """Run the step's batches again, and say where the first value that is not finite is, and for which items."""
    located, text = _locate(step, trainer, pl_module)
    if trainer.world_size == 1:
        return text
    told: list[Any] = [None] * trainer.world_size  # all come here together, but the cause lies in the batch of one
    torch.distributed.all_gather_object(told, (located, text))
    return next((found for located, found in told if located), text)


def _locate(step: Step, trainer: Trainer, pl_module: LightningModule) -> tuple[bool, str]:
    for name, parameter in pl_module.named_parameters():
        if not parameter.isfinite().all():
            return True, f"{name} is not finite"
    for batch in step.batches:
        with trainer.precision_plugin.train_step_context():
            place, rows = first_nonfinite(pl_module, batch)
        if place:
            return True, f"{place} is not finite for {_items(batch.index[rows])}"
    finite = step.magnitudes.isfinite().tolist()
    losses = finite[: len(finite) - len(step.gradients)]
    for batch, is_finite in zip(step.batches, losses, strict=False):  # with more processes there are no losses
        if not is_finite:
            return True, f"the loss is not finite for {_items(batch.index)}"
    broken = {id(p) for p, is_finite in zip(step.gradients, finite[len(losses) :], strict=True) if not is_finite}
    # Backward goes from the last parameter to the first: it began in the last.
    last = [name for name, p in pl_module.named_parameters() if id(p) in broken][-1]
    items = _items(torch.cat([batch.index for batch in step.batches]))
    return False, f"the gradient of {last} is not finite for {items}"


@torch.no_grad()
def first_nonfinite(pl_module: LightningModule, batch: Any) -> tuple[str, Tensor]:
    """The input or module's output that is first not finite, or "" if all is, and for which rows, bool (B,)."""
    found: list[tuple[str, Tensor]] = []
    every_row = torch.ones_like(batch.index, dtype=torch.bool)

    def look(place: str, values: Any) -> None:
        for tensor in _floats(values):
            if not found and not tensor.isfinite().all():
                per_item = tensor.ndim > 0 and len(tensor) == len(every_row)
                found.append((place, ~tensor.flatten(1).isfinite().all(1) if per_item else every_row))

    look("the input", batch.inputs)
    with ExitStack() as hooks:
        for name, module in pl_module.named_modules():
            place = f"the output of {name or 'the model'} ({type(module).__name__})"
            hook = module.register_forward_hook(lambda _, inputs, output, place=place: look(place, output))
            hooks.callback(hook.remove)
        hooks.enter_context(torch.random.fork_rng([batch.index.device] * batch.index.is_cuda))
        hooks.enter_context(torch.compiler.set_stance("force_eager"))
        pl_module(*batch.inputs)
    return found[0] if found else ("", every_row)


def _floats(values: Any) -> list[Tensor]:
    """The floating-point tensors in nested tuples, lists and dicts."""
    if isinstance(values, Tensor):
        return [values] if values.is_floating_point() else []
    nested = values.values() if isinstance(values, dict) else values if isinstance(values, list | tuple) else ()
    return [tensor for value in nested for tensor in _floats(value)]


def _items(index: Tensor) -> str:
    """Positions in the training split, the first few."""
    positions = ", ".join(map(str, index[:SHOWN_ITEMS].tolist()))
    more = f", … ({len(index)} in all)" if len(index) > SHOWN_ITEMS else ""
    return f"training item{'s' if len(index) > 1 else ''} {positions}{more}"
