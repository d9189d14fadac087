"""Training images are distorted at random."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torchvision.transforms import v2

from lightning_modules.training.task import Task

STAGE = "augment"


class RandAugmentImages(Callback):
    """RandAugment (Cubuk et al. 2020): some of fourteen distortions, such as rotation or contrast, one after another.

    torchvision draws the distortions of all the images that it is given at once, so a batch goes through it in parts.

    Args:
        distortions: how many, of each image.
        magnitude: how strong, 0…30.
        images_per_draw: images with the same distortions. Fewer are more random and take longer.

    Raises:
        ValueError: an argument outside its range; or inputs that are no images.
    """

    def __init__(self, distortions: int = 2, magnitude: int = 9, images_per_draw: int = 8) -> None:
        for name, count in (("distortions", distortions), ("images_per_draw", images_per_draw)):
            if count < 1:
                raise ValueError(f"RandAugmentImages' {name}={count} must be at least 1")
        if not 0 <= magnitude <= 30:
            raise ValueError(f"RandAugmentImages' magnitude={magnitude} must lie in 0…30")
        self.images_per_draw = images_per_draw
        self._augment = v2.RandAugment(distortions, magnitude)

    def on_fit_start(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        pl_module.batch_transforms[STAGE] = self.augment

    def on_fit_end(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        del pl_module.batch_transforms[STAGE]

    def augment(self, batch: Any) -> Any:
        """Distort the images of a batch, uint8 (B, C, H, W)."""
        images = batch.inputs[0]
        if images.ndim != 4:
            raise ValueError(f"RandAugmentImages is for images (B, C, H, W), not for inputs of {tuple(images.shape)}")
        pixels = images.round().clamp(0, 255).to(torch.uint8)  # a crop that was resized is float32 in 0…255
        parts = [self._augment(part) for part in pixels.split(self.images_per_draw)]
        return batch._replace(image=torch.cat(parts))
