"""Low-rank adapters are trained instead of a network's weights."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from lightning.pytorch import Callback, Trainer

from lightning_modules.networks.layers.norms import frozen_norms
from lightning_modules.training.task import Task

KIND = "add_lora"


class ApplyLoRA(Callback):
    """LoRA (Hu et al. 2021): adds adapters before training; only they and the head train.

    BatchNorm statistics stay as they are; dropout acts as in the recipe. The adapters are part of every checkpoint.

    Args:
        targets: patterns of the names, within the network, of the linear layers that get an adapter. The paper's choice
            for attention is the query and value projections.
        rank: width of the adapters.
        alpha: the adapters' output is scaled by alpha/rank.
        dropout: on the adapters' input, in [0, 1).
        also_train: patterns of parameter names that train besides.

    Raises:
        ValueError: when a fit begins: as ``add_lora``, a pattern in ``also_train`` that matches nothing, or a
            checkpoint with other adapters.
    """

    def __init__(
        self,
        targets: Sequence[str] = ("*.query", "*.value"),
        rank: int = 8,
        alpha: float = 16.0,
        dropout: float = 0.0,
        also_train: Sequence[str] = ("*.head.*",),
    ) -> None:
        self.options: dict[str, Any] = {"targets": list(targets), "rank": rank, "alpha": alpha, "dropout": dropout}
        self.also_train = also_train

    def setup(self, trainer: Trainer, pl_module: Task, stage: str) -> None:  # type: ignore[override]  # ours
        if stage == "fit":
            done = pl_module.options_of(KIND)
            if not done:
                pl_module.operate(KIND, **self.options)
            elif done != [self.options]:
                raise ValueError(f"ApplyLoRA is set to {self.options}, but the checkpoint has adapters of {done[0]}")
            self._freeze(pl_module)

    def _freeze(self, pl_module: Task) -> None:
        names = [name for name, _ in pl_module.named_parameters()]
        for pattern in self.also_train:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise ValueError(f"ApplyLoRA's also_train={pattern!r} matches no parameter; one is called {names[-1]}")
        for name, parameter in pl_module.named_parameters():
            parameter.requires_grad = ".lora_" in name or any(fnmatchcase(name, p) for p in self.also_train)
        pl_module.rest(type(self).__name__, frozen_norms(pl_module.network))
        pl_module.sync_optimizer()
