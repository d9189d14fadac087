"""A small residual network on small colour images: the embedded backbone of resnet_transfer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lightning_modules.cifar_cnn import MEAN, STD
from lightning_modules.classifier import Classifier
from lightning_modules.networks.cifar_resnet import CifarResNet
from lightning_modules.networks.layers.normalize import Normalize


class CifarResNetClassifier(Classifier):
    """ResNet for CIFAR (He et al. 2015, §4.2)."""

    def __init__(self, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        backbone = CifarResNet(len(self.class_names))
        self.network = nn.Sequential(Normalize(MEAN, STD), backbone).to(memory_format=torch.channels_last)
