"""Digits that are turned by an angle, which is to be read off them."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.batches.augmentation import rotate
from datamodules.batches.images import ImageBatch
from datamodules.mnist import MNIST
from datamodules.sources.labels.classes import Classes
from datamodules.sources.labels.values import Values
from datamodules.sources.source import SPLIT_NAMES, Source

LARGEST_DEGREES = 45.0
SEED = 0  # of the angles of all items, whatever else is random


class RotatedDigits(MNIST):
    """Upright grey images, turned on the device by up to 45°, counter-clockwise above 0; the label is the angle.

    Their classes count only where splits are cut. An item keeps its angle in validation and test. In training a new
    one is drawn each time.

    Args:
        common: as of any images.
    """

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.save_hyperparameters()
        self.labels = Values()

    @property
    def augments(self) -> bool:
        return True

    def follow(self, target: str) -> None:
        if target == "class":
            raise ValueError("RotatedDigits has an angle beside each item, no class: give a Regressor as --model")

    def load_path(self, path: Path) -> Source:
        if (path / "labels.csv").is_file():
            raise ValueError(
                f"{path / 'labels.csv'}: RotatedDigits turns upright images itself; for values of your own give "
                "--data=datamodules.mnist.MNIST"
            )
        return super().load_path(path)

    @cached_property
    def found(self) -> Source:
        self.labels = Classes(numbers=True)
        try:
            upright = super().found
        finally:
            self.labels = Values()
        splits = {}
        for number, split in enumerate(name for name in SPLIT_NAMES if name in upright.splits):
            generator = np.random.default_rng((SEED, number))
            degrees = generator.uniform(-LARGEST_DEGREES, LARGEST_DEGREES, len(upright.splits[split]))
            splits[split] = replace(upright.splits[split], labels=degrees.astype(np.float32))
        note = f"the images are turned by angles up to ±{LARGEST_DEGREES:g}°, drawn here"
        return replace(upright, class_names=[], splits=splits, notes=[*upright.notes, note])

    def on_after_batch_transfer(self, batch: ImageBatch, dataloader_idx: int) -> ImageBatch:
        batch = super().on_after_batch_transfer(batch, dataloader_idx)
        degrees = batch.label.float()  # zeros for new images, which are left as they are
        if self.trainer is not None and self.trainer.training:
            degrees = torch.empty_like(degrees).uniform_(-LARGEST_DEGREES, LARGEST_DEGREES)
        return batch._replace(image=rotate(batch.image, degrees).round().to(torch.uint8), label=degrees)

    def item(self, split: str, index: int) -> np.ndarray:
        image = torch.from_numpy(super().item(split, index)).permute(2, 0, 1)[None]
        degrees = torch.tensor([self.encoded_splits.readable[split].labels[index]])
        return rotate(image, degrees)[0].permute(1, 2, 0).round().to(torch.uint8).numpy()
