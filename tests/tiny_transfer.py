"""The smallest transfer: a convolution with a norm as the backbone of random images."""

from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import nn

from datamodules.batches.images import InMemoryImages
from datamodules.batches.loader import batch_loader
from lightning_modules.classifier import Classifier
from lightning_modules.networks.backbones import TransferNetwork
from lightning_modules.networks.layers.normalize import Normalize
from tests.tiny_task import CLASS_NAMES

IMAGES = 60  # an epoch's: 40 in training, in batches of 16, 16 and 8, and 20 in validation


class TinyImages(LightningDataModule):
    """Random images, shuffled anew in each epoch of training."""

    def __init__(self, augments: bool = False, batch_size: int = 16) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.augments = augments
        self.batch_size = batch_size
        self.start = (0, 0)
        generator = np.random.default_rng(3)
        images = generator.integers(256, size=(IMAGES, 8, 8, 3)).astype(np.uint8)
        labels = generator.integers(3, size=IMAGES)
        self.splits = [InMemoryImages(images[part], labels[part]) for part in (slice(0, 40), slice(40, None))]

    def train_dataloader(self) -> Any:
        return batch_loader(self.splits[0], self.batch_size, num_workers=0, seed=1, start=self.start)

    def val_dataloader(self) -> Any:
        return batch_loader(self.splits[1], self.batch_size, num_workers=0)


class TinyTransfer(Classifier):
    """A convolution with a norm, and a head."""

    def __init__(self, freeze: bool) -> None:
        super().__init__(class_names=CLASS_NAMES, optimizer="sgd", lr=0.1, schedule="constant")
        torch.manual_seed(0)
        convolution = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5), nn.Flatten())
        self.network = TransferNetwork(nn.Sequential(Normalize([0.5] * 3, [0.2] * 3), convolution), 288, 3, dropout=0.2)
        if freeze:
            self.network.backbone.requires_grad_(False).eval()
