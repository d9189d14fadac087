"""Pairs of training images are mixed, and so are their labels."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torchvision.transforms import v2

from lightning_modules.training.task import Task

STAGE = "mix"


class MixImages(Callback):
    """MixUp (Zhang et al. 2018) or CutMix (Yun et al. 2019), one of both drawn for each batch where both are asked for.

    Each image is mixed with its neighbour in the batch, all of a batch in one proportion, as in the papers' own code.

    Args:
        mixup_alpha: the proportion of MixUp is drawn from Beta(alpha, alpha); 0 leaves MixUp out.
        cutmix_alpha: the same for CutMix.

    Raises:
        ValueError: a negative alpha, or both 0; or inputs that are no images.
    """

    def __init__(self, mixup_alpha: float = 0.2, cutmix_alpha: float = 1.0) -> None:
        if min(mixup_alpha, cutmix_alpha) < 0 or mixup_alpha == cutmix_alpha == 0:
            raise ValueError(
                f"MixImages' mixup_alpha={mixup_alpha} and cutmix_alpha={cutmix_alpha} must not be below 0, nor both 0"
            )
        self.alphas = [(v2.MixUp, mixup_alpha), (v2.CutMix, cutmix_alpha)]
        self._mixers: list[Any] = []

    def on_fit_start(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        if pl_module.target != "class":
            raise ValueError(f"MixImages mixes the labels of classes, which {type(pl_module).__name__} does not have")
        self._mixers = [mixer(alpha=alpha, num_classes=pl_module.width) for mixer, alpha in self.alphas if alpha > 0]
        pl_module.batch_transforms[STAGE] = self.mix

    def on_fit_end(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        del pl_module.batch_transforms[STAGE]

    def mix(self, batch: Any) -> Any:
        """Mix the items of a batch: images become float32 (B, C, H, W), labels float32 (B, classes)."""
        images = batch.inputs[0]
        if images.ndim != 4:
            raise ValueError(f"MixImages is for images (B, C, H, W), not for inputs of {tuple(images.shape)}")
        drawn = int(torch.randint(len(self._mixers), ())) if len(self._mixers) > 1 else 0
        mixed, label = self._mixers[drawn](images.float(), batch.label)
        return batch._replace(image=mixed, label=label)
