"""Finding where in a model something is NaN or infinite."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from lightning_modules.training.batch import Batch

SHOWN_ITEMS = 10


class Step(NamedTuple):
    """The losses, gradients and items of an optimizer step.

    Attributes:
        indices: the training items of its batches, int64 (B,) each.
        batch: the last of them.
        cause: what was not finite in a batch before the last, if anything.
        magnitudes: the losses and the gradients' norms, float32 (n,).
        gradients: of which parameters.
    """

    number: int
    indices: list[Tensor]
    batch: Batch
    cause: str
    magnitudes: Tensor
    gradients: list[nn.Parameter]


def norms_of(tensors: list[Tensor], order: float = 2.0) -> list[Tensor]:
    """The norm () of each tensor, in few kernels for all of them: torch's own clipping computes them so."""
    return list(torch._foreach_norm(tensors, order))


def poisoned(module: nn.Module) -> str | None:
    """The first parameter that is not finite, or buffer with a NaN in it; a buffer may hold infinities, as masks do."""
    floats = {name: t.detach() for name, t in module.state_dict().items() if t.is_floating_point()}
    if not floats or torch.stack(norms_of(list(floats.values()))).isfinite().all():
        return None
    parameters = dict(module.named_parameters())
    return next((n for n, t in floats.items() if not (t.isfinite() if n in parameters else ~t.isnan()).all()), None)


def what_is_nonfinite(step: Step, trainer: Trainer, pl_module: LightningModule) -> str:
    """Run the step's last batch again, and say where the first value that is not finite is, and for which items."""
    located, text = _locate(step, trainer, pl_module)
    if trainer.world_size > 1:  # all come here together, but the cause lies in the batch of one
        told: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(told, (located, text))
        text = next((found for located, found in told if located), text)
    return f"step {step.number}: {text}"


def _locate(step: Step, trainer: Trainer, pl_module: LightningModule) -> tuple[bool, str]:
    finite = step.magnitudes.isfinite().tolist()
    losses = finite[: len(finite) - len(step.gradients)]  # none with several processes
    with trainer.precision_plugin.train_step_context():
        cause = step.cause or cause_in(step.batch, pl_module, of_loss=losses[-1:] == [False])
    if cause:
        return True, cause
    broken = {id(p) for p, is_finite in zip(step.gradients, finite[len(losses) :], strict=True) if not is_finite}
    # Backward goes from the last parameter to the first: it began in the last.
    last = [name for name, p in pl_module.named_parameters() if id(p) in broken][-1]
    return False, f"the gradient of {last} is not finite for {named_items(torch.cat(step.indices))}"


def cause_in(batch: Batch, pl_module: LightningModule, of_loss: bool) -> str:
    """Run a batch again, and say what is the first that is not finite, and for which items; "" if all is.

    Args:
        of_loss: whether its loss is known not to be finite, should all before it be.
    """
    for name, parameter in pl_module.named_parameters():
        if not parameter.isfinite().all():
            return f"{name} is not finite"
    place, rows = first_nonfinite(pl_module, batch)
    if place:
        return f"{place} is not finite for {named_items(batch.index[rows])}"
    return f"the loss is not finite for {named_items(batch.index)}" if of_loss else ""


@torch.no_grad()
def first_nonfinite(pl_module: LightningModule, batch: Batch) -> tuple[str, Tensor]:
    """The input or module's output that is first not finite, or "" if all is, and for which rows, bool (B,).

    The model's buffers and the random generators stay as they were.
    """
    found: list[tuple[str, Tensor]] = []
    every_row = torch.ones_like(batch.index, dtype=torch.bool)

    def look(place: str, values: object) -> None:
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
        for buffer in pl_module.buffers():
            hooks.callback(buffer.copy_, buffer.clone())
        pl_module(*batch.inputs)
    return found[0] if found else ("", every_row)


def _floats(values: object) -> list[Tensor]:
    """The floating-point tensors in nested tuples, lists and dicts."""
    if isinstance(values, Tensor):
        return [values] if values.is_floating_point() else []
    if isinstance(values, dict):
        values = list(values.values())
    if not isinstance(values, list | tuple):
        return []
    return [tensor for value in values for tensor in _floats(value)]


def named_items(index: Tensor) -> str:
    """Positions in the training split, int64 (B,), as text: the first few."""
    positions = ", ".join(map(str, index[:SHOWN_ITEMS].tolist()))
    more = f", … ({len(index)} in all)" if len(index) > SHOWN_ITEMS else ""
    return f"training item{'s' if len(index) > 1 else ''} {positions}{more}"
