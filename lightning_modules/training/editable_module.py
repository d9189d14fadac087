"""A module whose network can change its structure in mid-training, and whose optimizer follows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from lightning.pytorch import LightningModule
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from lightning_modules.networks.edits.edit import operate
from lightning_modules.training.optimizers import regroup
from lightning_modules.training.stages import BATCH_STAGES, LOSS_STAGES, Stages
from lightning_modules.training.trainer_state import average_anew, follow_swaps

OF_OPTIMIZER = ("lr", "momentum", "weight_decay")  # hyper-parameters that are part of an optimizer's groups


class EditableModule(LightningModule):
    """The interface through which callbacks change training, in any order and for as long as they act.

    Attributes:
        operations: what ``operate`` did to the network, in order; part of every checkpoint.
        edits: how often the network was changed by something else than a step of training: by ``operate``, by zeros, by
            a rewind. A copy of the weights from before the last edit is out of date; part of every checkpoint.
        skips_nonfinite: whether a step whose loss is NaN or infinite is left out, so that its loss counts in no mean.
        lr_scales: factors of the learning rate by pattern of a parameter's name, as ``parameter_groups`` takes them.
        batch_transforms: batch → batch, by stage (see stages.py), what each training batch goes through first. A label
            may become float32 (B, classes), probabilities.
        loss_transforms: (batch, logits, loss) → loss, by stage, what the training loss goes through.
    """

    network: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[dict[str, Any]] = []
        self.edits = 0
        self._resting: dict[str, list[nn.Module]] = {}
        self.skips_nonfinite = False
        self.lr_scales: dict[str, float] = {}
        self.batch_transforms = Stages(BATCH_STAGES)
        self.loss_transforms = Stages(LOSS_STAGES)

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning sets this one some forty times a step, and torch would look for parameters in it each time.
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        # A copy, such as an average, does not train; and what changes its training may hold what cannot be copied.
        nothing = {"batch_transforms": Stages(BATCH_STAGES), "loss_transforms": Stages(LOSS_STAGES)}
        return {**super().__getstate__(), **nothing}

    def follow_settings(self, saved: Mapping[str, object]) -> None:
        """Train on by the present settings of optimizer and schedule, where a checkpoint's were others.

        Args:
            saved: the checkpoint's hyper-parameters.
        """
        changed = any(saved.get(name) != self.hparams.get(name) for name in OF_OPTIMIZER)
        schedule, groups = self.trainer.lr_scheduler_configs[0].scheduler, self.trainer.optimizers[0].param_groups
        assert isinstance(schedule, LambdaLR)
        factors = [factor(schedule.last_epoch) for factor in schedule.lr_lambdas]
        rates = [base * factor for base, factor in zip(schedule.base_lrs, factors, strict=True)]
        if changed or rates != [group["lr"] for group in groups]:
            self.sync_optimizer()

    def setup(self, stage: str) -> None:
        if stage == "fit":
            follow_swaps(self.trainer)

    def rest(self, who: str, modules: Iterable[nn.Module]) -> None:
        """Keep modules in evaluation mode while the others train: their norms' statistics stay, their dropout is off.

        Args:
            who: asks for it. Those that rested for the same before, and are not among these, train again.
            modules: without what lies in them, unless that is given too.
        """
        for module in self._resting.pop(who, []):
            module.training = True  # of those that rest for others too, the next batch takes it back
        self._resting[who] = list(modules)

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        # At every batch, whoever calls train() in between; and not before the first, as Lightning would warn of it.
        for module in chain.from_iterable(self._resting.values()):
            module.training = False

    @property
    def _has_trainer(self) -> bool:
        try:
            return self.trainer is not None
        except RuntimeError:  # how Lightning says it
            return False

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """The optimizer's groups, which follow from names, shapes, ``requires_grad`` and ``lr_scales`` alone."""

    def operate(self, kind: str, **options: object) -> None:
        """Change the structure of the network for good: every checkpoint from now on repeats it.

        Raises:
            ValueError: there is no such kind or option.
        """
        operate(self.network, kind, options)
        self.operations.append({"kind": kind, "options": options})
        self.edits += 1
        self.sync_optimizer()
        if self._has_trainer:
            average_anew(self.trainer, self)

    def options_of(self, kind: str) -> list[dict[str, Any]]:
        """The options of every edit of this kind, oldest first."""
        return [operation["options"] for operation in self.operations if operation["kind"] == kind]

    def repeat(self, recorded: Sequence[dict[str, Any]]) -> None:
        """Do to the network what was done to a checkpoint's.

        Raises:
            ValueError: something else was done to it already.
        """
        done = len(self.operations)
        if recorded[:done] != self.operations:
            raise ValueError("the checkpoint's network has another structure: it was saved before this one was changed")
        for operation in recorded[done:]:
            self.operate(operation["kind"], **operation["options"])

    def sync_optimizer(self) -> None:
        """Take into the optimizer what trains now, and out of it what does not; nothing before there is one."""
        if self._has_trainer and self.trainer.optimizers:
            schedule = self.trainer.lr_scheduler_configs[0].scheduler
            assert isinstance(schedule, LambdaLR)
            regroup(self.trainer.optimizers[0], self.parameter_groups(), schedule)
