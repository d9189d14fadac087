"""Small adapters are trained instead of a network's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from lightning_modules.networks.edits.add_adapters import Method
from lightning_modules.networks.edits.allocate_ranks import RankAllocation, budget_at
from lightning_modules.training.adapters import adapt
from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Task
from lightning_modules.training.trainer_state import averaged_copies, forget_best

STAGE = "regularize"
# The settings of each method beside targets and also_train, with their defaults.
LOW_RANK: dict[str, Any] = {"rank": 8, "alpha": 16.0, "dropout": 0.0}
ALLOCATION: dict[str, Any] = {"start_rank": None, "begin": 0.1, "end": 0.7, "orthogonality": 0.1}
SETTINGS: dict[Method, dict[str, Any]] = {
    "lora": LOW_RANK,
    "adalora": LOW_RANK | ALLOCATION,
    "ia3": {"feedforward": ()},
}


class ApplyAdapters(Callback):
    """Adds adapters to layers before training; only they and the head train, and an export folds them in.

    BatchNorm statistics stay as they are; dropout acts as in the recipe. The adapters are part of every checkpoint.

    Args:
        method: ``lora`` (Hu et al. 2021), a matrix of low rank beside each weight; ``adalora`` (Zhang et al. 2023),
            which begins with a higher rank and keeps the directions that matter most, in whatever layers they are;
            ``ia3`` (Liu et al. 2022), a factor for each output.
        targets: patterns of the names, within the network, of the linear layers and convolutions that get an adapter.
            LoRA's choice for attention is the query and value projections.
        rank: of each adapter; with ``adalora`` their mean at the end.
        alpha: the adapters' output is scaled by alpha/rank.
        dropout: on the adapters' input, in [0, 1).
        feedforward: patterns of the targets whose inputs ``ia3`` scales instead of their outputs.
        start_rank: of each adapter when ``adalora`` begins; half as much again as ``rank`` when unset.
        begin, end: shares of the run's steps between which ``adalora`` lowers the ranks, 0 ≤ begin < end < 1.
        orthogonality: weight of the term in the training loss that keeps ``adalora``'s directions apart; 0 for none.
        also_train: patterns of parameter names that train besides.

    Raises:
        ValueError: a setting of another method; when a fit begins: as ``add_adapters``, a pattern in ``also_train``
            that matches nothing, or a checkpoint with other adapters.
    """

    def __init__(
        self,
        method: Method = "lora",
        targets: Sequence[str] = ("*.query", "*.value"),
        rank: int = 8,
        alpha: float = 16.0,
        dropout: float = 0.0,
        feedforward: Sequence[str] = (),
        start_rank: int | None = None,
        begin: float = 0.1,
        end: float = 0.7,
        orthogonality: float = 0.1,
        also_train: Sequence[str] = ("*.head.*",),
    ) -> None:
        low_rank = {"rank": rank, "alpha": alpha, "dropout": dropout}
        allocation = {"start_rank": start_rank, "begin": begin, "end": end, "orthogonality": orthogonality}
        _check_settings(method, low_rank | allocation | {"feedforward": tuple(feedforward)})
        self.options: dict[str, Any] = {"method": method, "targets": list(targets)}
        self.options |= {"feedforward": list(feedforward)} if method == "ia3" else low_rank
        self.allocates = method == "adalora"
        if self.allocates:
            self.options["rank"] = _start_rank(rank, start_rank)
        self.rank, self.begin, self.end, self.orthogonality = rank, begin, end, orthogonality
        self.also_train = also_train
        self._steps = 0, 0  # after which the ranks begin to fall, and are final
        self._final = False
        self._ranks: RankAllocation | None = None
        self._saved: dict[str, Any] = {}  # their state in a checkpoint, until the adapters are there

    def state_dict(self) -> dict[str, Any]:
        if not self._ranks:
            return {}
        return {"final": self._final, "ranks": self._ranks.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._final, self._saved = state_dict.get("final", False), state_dict.get("ranks", {})

    def setup(self, trainer: Trainer, pl_module: Task, stage: str) -> None:  # type: ignore[override]  # ours
        if stage == "fit":
            adapt(pl_module, "add_adapters", self.options, self.also_train, type(self).__name__)

    def on_fit_start(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        if not self.allocates:
            return
        total = int(trainer.estimated_stepping_batches)
        self._steps = round(self.begin * total), round(self.end * total)
        if not self._steps[0] < self._steps[1] < total and not trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by Lightning's connector
            raise ValueError(
                f"ApplyAdapters: begin={self.begin} and end={self.end} of {total} steps leave none between or after "
                "them: raise max_epochs"
            )
        self._ranks = RankAllocation(pl_module.network)
        if self._saved:
            self._ranks.load_state_dict(self._saved)
        if self.orthogonality:
            pl_module.loss_transforms[STAGE] = self._regularize
        # Before any callback sees what a step did.
        trainer.optimizers[0].register_step_post_hook(partial(self._after_step, trainer, pl_module))

    def on_train_end(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        if self._ranks is not None and self._final:
            left = ", ".join(f"{name} {rank}" for name, rank in self._ranks.ranks().items())
            pl_module.print(f"ranks of the adapters: {left}")

    def on_fit_end(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        pl_module.loss_transforms.pop(STAGE, None)

    def _regularize(self, batch: Batch, logits: Tensor, loss: Tensor) -> Tensor:
        assert self._ranks is not None
        return loss + self.orthogonality * self._ranks.overlap()

    def _after_step(self, trainer: Trainer, pl_module: Task, *_: object) -> None:
        """Judge the directions by the gradients of the step that was just made, and keep as many as are due."""
        ranks = self._ranks
        assert ranks is not None
        if self._final:
            ranks.hold()
            return
        ranks.observe()
        (first, last), step = self._steps, trainer.global_step + 1
        if step > first:
            target = self.rank * ranks.adapters
            ranks.keep(budget_at(step, ranks.start, target, first, last))
        if step >= last:
            self._finish(trainer, pl_module, ranks)

    def _finish(self, trainer: Trainer, pl_module: Task, ranks: RankAllocation) -> None:
        """The ranks are what was asked for: what was best or kept before has more of them."""
        self._final = True
        pl_module.edits += 1
        forget_best(trainer)
        with torch.no_grad():
            for copy in averaged_copies(trainer):
                for name, kept in ranks.masks().items():
                    factor = copy.get_parameter(f"network.{name}")
                    factor.mul_(kept.to(factor.device))


def _check_settings(method: Method, given: Mapping[str, Any]) -> None:
    """Refuse what another method than this one would do something with."""
    if method not in SETTINGS:
        raise ValueError(f"ApplyAdapters: method={method!r} is none of {', '.join(SETTINGS)}")
    defaults = {name: value for settings in SETTINGS.values() for name, value in settings.items()}
    for name, value in given.items():
        if name not in SETTINGS[method] and value != defaults[name]:
            owners = " and ".join(other for other, settings in SETTINGS.items() if name in settings)
            raise ValueError(f"ApplyAdapters: {name}={value} is a setting of {owners}, not of {method}: leave it out")
    begin, end, weight = given["begin"], given["end"], given["orthogonality"]
    if not 0 <= begin < end < 1:
        raise ValueError(f"ApplyAdapters: begin={begin} and end={end} must be shares of the run, 0 ≤ begin < end < 1")
    if not 0 <= weight < float("inf"):
        raise ValueError(f"ApplyAdapters: orthogonality={weight} must be a number of at least 0")


def _start_rank(rank: int, start_rank: int | None) -> int:
    start = rank + (rank + 1) // 2 if start_rank is None else start_rank
    if start <= rank:
        raise ValueError(f"ApplyAdapters: start_rank={start} must be above rank={rank}, which it falls to")
    return start
