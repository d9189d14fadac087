"""Test images above what an autoencoder makes of them."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor

from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Task


class LogReconstructions(Callback):
    """Draws the first test images, below them their reconstructions, and below these new images of a variational one.

    reconstructions.png of a run is made from it; in Weights & Biases it is ``test/reconstructions``.

    Args:
        count: how many images stand beside each other.

    Attributes:
        picture: uint8 (H, W, C) once the test has begun; None before, and in processes other than the first.

    Raises:
        ValueError: a count below 1; or a task that makes no images.
    """

    def __init__(self, count: int = 10) -> None:
        if count < 1:
            raise ValueError(f"LogReconstructions' count={count} must be at least 1")
        self.count = count
        self.picture: Tensor | None = None

    def setup(self, trainer: Trainer, pl_module: Task, stage: str) -> None:  # type: ignore[override]  # ours
        if pl_module.kind != "autoencoder":
            raise ValueError(f"LogReconstructions is for autoencoders; {type(pl_module).__name__} makes no images")

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: object, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if batch_idx == 0 and trainer.is_global_zero:
            images = batch.inputs[0][: self.count].float()
            rows = [images, pl_module.reconstruct(images)]
            if pl_module.variational:
                rows.append(pl_module.generate(self.count, images.shape[1:]))
            self.picture = as_picture(rows)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger) and self.picture is not None:
                logger.log_image("test/reconstructions", [self.picture.squeeze().numpy()])


def as_picture(rows: list[Tensor]) -> Tensor:
    """Rows of images, float (n, C, H, W) in 0…255 each, as one image: uint8 (rows · H, n · W, C), n of the shortest."""
    count = min(map(len, rows))
    lines = [torch.cat(list(row[:count]), dim=2) for row in rows]  # (C, H, n · W)
    return torch.cat(lines, dim=1).round().to(torch.uint8).permute(1, 2, 0).cpu()
