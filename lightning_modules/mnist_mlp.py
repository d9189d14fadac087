"""A multi-layer perceptron on handwritten digits."""

from __future__ import annotations

from typing import Any

from torch import nn

from lightning_modules.classifier import Classifier
from lightning_modules.networks.layers.normalize import Normalize
from lightning_modules.networks.mlp import MLP

MEAN, STD = [0.1307], [0.3081]  # of MNIST's training images


class MnistMLP(Classifier):
    """The 784-256-128-10 perceptron of the tutorials.

    Args:
        image_size_px: side of the square grey images; the command line takes it from the data.
        hidden_features: width of each hidden layer.
        dropout: after each hidden layer, 0…1.
    """

    def __init__(
        self,
        image_size_px: int = 28,
        hidden_features: tuple[int, ...] = (256, 128),
        dropout: float = 0.0,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        mlp = MLP(image_size_px**2, tuple(hidden_features), len(self.class_names), dropout)
        self.network = nn.Sequential(Normalize(MEAN, STD), mlp)
