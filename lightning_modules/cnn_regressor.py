"""A small convolutional network that reads a value off an image, such as an angle."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lightning_modules import cifar_cnn, mnist_mlp
from lightning_modules.networks.digit_cnn import DigitCNN
from lightning_modules.networks.layers.normalize import Normalize
from lightning_modules.regressor import Regressor


class CNNRegressor(Regressor):
    """The network of mnist_cnn with a single output, for small images.

    Args:
        channels: of an image, 1 or 3; the command line takes it from the data.
        widths: channels of the convolutions.
        places: side of the grid of parts that the last pool takes the maximum of, so that it counts where in the image
            a feature stands; 1 for anywhere.
    """

    def __init__(
        self,
        channels: int = 1,
        widths: tuple[int, int, int, int] = (16, 32, 64, 128),
        places: int = 3,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        images = mnist_mlp if channels == 1 else cifar_cnn
        cnn = DigitCNN(self.width, channels, tuple(widths), places)
        self.network = nn.Sequential(Normalize(images.MEAN, images.STD), cnn).to(memory_format=torch.channels_last)
