"""LoRA by the name that configs of earlier versions have for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer

from lightning_modules.training.adapters import adapt
from lightning_modules.training.task import Task


class ApplyLoRA(Callback):
    """LoRA for linear layers alone; new configs name ApplyAdapters, which has other methods too.

    Args:
        targets: patterns of the names, within the network, of the linear layers that get an adapter.
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
            adapt(pl_module, "add_lora", self.options, self.also_train, type(self).__name__)
