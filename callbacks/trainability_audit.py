"""A check in every epoch that what should train does, and that nothing else does."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_modules.networks.layers.norms import BATCH_NORMS
from lightning_modules.training.batch import Batch
from lightning_modules.training.nonfinite import norms_of
from lightning_modules.training.task import Task

WIDTH = 160  # columns that the table may take
SMALLEST_STEP = 1e-6  # relative to a module's weights; a smaller one may vanish in float32's rounding


class TrainabilityError(RuntimeError):
    """Something that should train does not, or the reverse; the message says what."""


@runtime_checkable
class LeavesStepsOut(Protocol):
    """A callback that drops optimizer steps or takes them back, such as GuardNumerics, and counts them."""

    left_out: int


class Row(NamedTuple):
    """The parameters of a module, with those of everything in it where they are alike.

    Attributes:
        module: its name.
        values: how many.
        trains: ``yes``, ``no``, or ``part`` for a module that keeps some of its own parameters fixed.
        in_optimizer: ``yes``, ``no``, or ``part``.
        lr: learning rate; 0 outside the optimizer.
        norms: mode of the batch norms among them, ``train`` or ``eval``; empty if there are none.
        changed: whether any value changed over the epoch before; None in the first.
    """

    module: str
    values: int
    trains: str
    in_optimizer: str
    lr: float
    norms: str
    changed: bool | None


class TrainabilityAudit(Callback):
    """Compares in every epoch what trains with what should, and prints a table of it.

    The run ends with TrainabilityError if a parameter requires gradients and is in no optimizer, or is in one without
    requiring them; if a module has a learning rate and gradients in an epoch's first step, but the epoch leaves all its
    weights as they were; or if it changes a frozen weight, or the statistics of a frozen batch norm. It holds a copy of
    the weights and has no state: after a resume in mid-epoch it looks at the rest of that epoch.

    Args:
        every_epoch: print the table in every epoch; otherwise only where something began or ceased to train.
    """

    def __init__(self, every_epoch: bool = True) -> None:
        self.every_epoch = every_epoch
        self._setting: list[tuple[bool, ...]] = []
        self._before: dict[str, Tensor] = {}
        self._changed: dict[str, bool] = {}
        self._moving: set[str] = set()
        self._operations = 0
        self._left_out = 0

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Look at an epoch's first step: by then, every callback has changed what it changes at its start."""
        if self._before:
            return
        assert isinstance(pl_module, Task)
        rates = learning_rates(trainer)
        check_membership(pl_module, rates)
        self._moving = moving(pl_module, rates)
        self._before = {name: value.detach().clone() for name, value in _values(pl_module)}
        self._operations, self._left_out = len(pl_module.operations), _left_out(trainer)
        setting = _setting(pl_module.network, rates)
        if self.every_epoch or setting != self._setting:
            self._setting = setting
            rows = table_rows(pl_module.network, "network", rates, self._changed)
            pl_module.print(f"epoch {trainer.current_epoch}: what trains\n{render(rows)}")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        """Look at the weights before validation, in which others may exchange them."""
        if not (trainer.is_last_batch and self._before):
            return
        assert isinstance(pl_module, Task)
        before, self._before = self._before, {}
        if self._operations == len(pl_module.operations):  # otherwise these are other weights
            values = dict(_values(pl_module))
            self._changed = {name: not torch.equal(value, before[name]) for name, value in values.items()}
            check_changes(pl_module, self._changed, self._moving if self._left_out == _left_out(trainer) else set())


def _left_out(trainer: Trainer) -> int:
    """Count the steps that were not made, or were taken back: an epoch of these changes nothing."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set by Lightning's connector
    return sum([callback.left_out for callback in callbacks if isinstance(callback, LeavesStepsOut)])


def learning_rates(trainer: Trainer) -> dict[int, float]:
    """The current learning rate of each parameter in an optimizer, by the parameter's id."""
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    return {id(parameter): group["lr"] for group in groups for parameter in group["params"]}


def moving(module: nn.Module, rates: Mapping[int, float]) -> set[str]:
    """Names of the parameters that a step now has to change: with a learning rate and a gradient large enough."""
    named = {name: p for name, p in module.named_parameters() if p.grad is not None and rates.get(id(p))}
    weights = [p.detach() for p in named.values()]
    gradients = [p.grad for p in named.values() if p.grad is not None]
    if not named:
        return set()
    largest = [torch.stack(norms_of(tensors, torch.inf)).tolist() for tensors in (weights, gradients)]
    return {
        name
        for (name, p), weight, gradient in zip(named.items(), *largest, strict=True)
        if gradient < torch.inf and rates[id(p)] * min(1.0, gradient) > SMALLEST_STEP * weight
    }


def check_membership(module: nn.Module, rates: Mapping[int, float]) -> None:
    """Refuse parameters that require gradients outside the optimizers, or do not require them inside.

    Raises:
        TrainabilityError: naming the first.
    """
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and id(parameter) not in rates:
            raise TrainabilityError(f"{name} should train, but is not in the optimizer (sync_optimizer puts it there)")
        if not parameter.requires_grad and id(parameter) in rates:
            raise TrainabilityError(f"{name} is frozen, but still in the optimizer (sync_optimizer takes it out)")


def check_changes(module: nn.Module, changed: Mapping[str, bool], must_move: set[str]) -> None:
    """Refuse modules that stood still although they should move, and frozen values that moved.

    Raises:
        TrainabilityError: naming the first.
    """
    for prefix, part in module.named_modules():
        own = dict(part.named_parameters(prefix, recurse=False))
        frozen = [name for name, parameter in own.items() if not parameter.requires_grad]
        if moved := [name for name in frozen if changed[name]]:
            raise TrainabilityError(f"{moved[0]} is frozen, but changed")
        if must_move & own.keys() and not any(changed[name] for name in own):
            raise TrainabilityError(f"{prefix} should train and has gradients, but did not change in a whole epoch")
        if frozen and len(frozen) == len(own) and changed.get(f"{prefix}.running_mean"):
            raise TrainabilityError(f"{prefix} is frozen, but its statistics changed: keep it in evaluation mode")


def table_rows(module: nn.Module, name: str, rates: Mapping[int, float], changed: Mapping[str, bool]) -> list[Row]:
    """One row for a module in which all is alike, otherwise one for its own parameters and those of its parts."""
    own = dict(module.named_parameters(name, recurse=False))
    rows = []
    if own:
        rows.append(_row(module, name, own, rates, changed))
    for part, child in module.named_children():
        rows += table_rows(child, f"{name}.{part}", rates, changed)
    alike = len({row[2:5] for row in rows}) == 1 and len({row.norms for row in rows if row.norms}) <= 1
    if alike:
        return [_merged(name, rows)]
    return rows


def render(rows: Sequence[Row]) -> str:
    """The rows as a table of text."""
    table = Table(*Row._fields, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        changed = {None: "", True: "yes", False: "no"}[row.changed]
        table.add_row(row.module, f"{row.values:,}", row.trains, row.in_optimizer, f"{row.lr:.2g}", row.norms, changed)
    console = Console(file=io.StringIO(), width=WIDTH)
    with console.capture() as text:
        console.print(table)
    return "\n".join(line.rstrip() for line in text.get().splitlines() if line.strip())


def _row(
    module: nn.Module,
    name: str,
    own: Mapping[str, nn.Parameter],
    rates: Mapping[int, float],
    changed: Mapping[str, bool],
) -> Row:
    return Row(
        name,
        sum(parameter.numel() for parameter in own.values()),
        _share([parameter.requires_grad for parameter in own.values()]),
        _share([id(parameter) in rates for parameter in own.values()]),
        max(rates.get(id(parameter), 0.0) for parameter in own.values()),
        _mode_of_norm(module),
        any(changed.get(key, True) for key in own) if changed else None,
    )


def _merged(name: str, rows: Sequence[Row]) -> Row:
    norms = max(row.norms for row in rows)
    changed = None if rows[0].changed is None else any(row.changed for row in rows)
    return rows[0]._replace(module=name, values=sum(row.values for row in rows), norms=norms, changed=changed)


def _share(flags: Sequence[bool]) -> str:
    if all(flags):
        return "yes"
    return "part" if any(flags) else "no"


def _mode_of_norm(module: nn.Module) -> str:
    if not isinstance(module, BATCH_NORMS):
        return ""
    return "train" if module.training else "eval"


def _setting(network: nn.Module, rates: Mapping[int, float]) -> list[tuple[bool, ...]]:
    """All that a table says but for the course of learning rates and weights."""
    weights = [(parameter.requires_grad, id(parameter) in rates) for parameter in network.parameters()]
    return [*weights, *((module.training,) for module in network.modules() if isinstance(module, BATCH_NORMS))]


def _values(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The parameters, and the means of batch norms, which move whenever their statistics do."""
    yield from module.named_parameters()
    yield from ((name, buffer) for name, buffer in module.named_buffers() if name.endswith(".running_mean"))
