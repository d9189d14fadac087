"""A small convolutional network on handwritten digits."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lightning_modules.classifier import Classifier
from lightning_modules.mnist_mlp import MEAN, STD
from lightning_modules.networks.digit_cnn import DigitCNN
from lightning_modules.networks.layers.normalize import Normalize


class MnistCNN(Classifier):
    """Four convolutions and a linear layer.

    Args:
        widths: channels of the convolutions.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 128), **recipe: Any) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        cnn = DigitCNN(len(self.class_names), widths=tuple(widths))
        self.network = nn.Sequential(Normalize(MEAN, STD), cnn).to(memory_format=torch.channels_last)
