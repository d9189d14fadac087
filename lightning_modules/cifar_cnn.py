"""A small convolutional network on small colour images."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

from lightning_modules.classifier import Classifier
from lightning_modules.networks.fast_cnn import FastCNN
from lightning_modules.networks.layers.normalize import Normalize
from lightning_modules.networks.tutorial_cnn import TutorialCNN

MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]  # of CIFAR-10's training images


class CifarCNN(Classifier):
    """The fast network, or a wide relative of the tutorials'.

    Args:
        network: ``fast``, or ``tutorial`` for a wider version of the tutorials' two convolutions (32×32 images only).
        widths: channels of the fast network's stages.
        dropout: before the fast network's last layer, 0…1.
    """

    def __init__(
        self,
        network: Literal["fast", "tutorial"] = "fast",
        widths: tuple[int, int, int] = (64, 128, 256),
        dropout: float = 0.0,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        num_classes = len(self.class_names)
        cnn = TutorialCNN(num_classes) if network == "tutorial" else FastCNN(num_classes, 3, tuple(widths), dropout)
        self.network = nn.Sequential(Normalize(MEAN, STD), cnn).to(memory_format=torch.channels_last)
