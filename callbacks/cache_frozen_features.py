"""A frozen backbone is run once per item, not once per item and epoch."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor


class CacheFrozenFeatures(Callback):
    """Keeps what a frozen backbone makes of each training and validation item, and looks it up in later epochs.

    It acts while no parameter of the backbone trains, it is in evaluation mode, and training items come as they are
    (neither the data module's ``augments`` nor the model's ``batch_transforms``); otherwise it leaves the run alone,
    and what it kept is dropped. A feature is the one that was computed in the item's first batch: another batch size
    can differ in the last bit.

    Args:
        backbone: name of the submodule whose output, one row an item, is kept.
    """

    def __init__(self, backbone: str = "network.backbone") -> None:
        self.backbone = backbone
        self._run: Any = None
        self._kept: dict[str, dict[int, Tensor]] = {}
        self._split = ""
        self._index = torch.empty(0, dtype=torch.int64)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        backbone = pl_module.get_submodule(self.backbone)
        trains = backbone.training or any(p.requires_grad for p in backbone.parameters())
        changed = getattr(pl_module, "batch_transforms", None)
        if trains or changed or getattr(getattr(trainer, "datamodule", None), "augments", True):
            self._give_back(pl_module)
        elif self._run is None:
            self._run = backbone.forward
            backbone.forward = self._look_up  # a wrapper would rename the weights

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._split, self._index = "train", batch.index

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._split, self._index = "val", batch.index

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._give_back(pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._give_back(pl_module)

    def _give_back(self, pl_module: LightningModule) -> None:
        if self._run is not None:
            pl_module.get_submodule(self.backbone).forward = self._run
        self._run, self._kept = None, {}

    @torch.no_grad()
    def _look_up(self, inputs: Tensor) -> Tensor:
        """Features of the current batch, (B, …)."""
        positions = self._index.tolist()
        kept = self._kept.setdefault(self._split, {})
        if any(position not in kept for position in positions):
            kept.update(zip(positions, self._run(inputs), strict=True))
        return torch.stack([kept[position] for position in positions])
