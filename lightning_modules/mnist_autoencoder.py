"""An autoencoder of perceptrons on handwritten digits."""

from __future__ import annotations

from typing import Any

from lightning_modules.autoencoder import Autoencoder
from lightning_modules.networks.mlp_autoencoder import MLPAutoencoder


class MnistAutoencoder(Autoencoder):
    """Grey digits, a few latents, and grey digits again.

    Args:
        image_size_px: side of the square grey images; the command line takes it from the data.
        latents: values that an image is put into.
        hidden_features: width of every hidden layer.
        residual_layers: hidden layers of encoder and decoder each, beside the first.
    """

    def __init__(
        self,
        image_size_px: int = 28,
        latents: int = 20,
        hidden_features: int = 400,
        residual_layers: int = 2,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        sizes = (latents, hidden_features, residual_layers)
        self.network = MLPAutoencoder(image_size_px**2, *sizes, variational=self.variational)
