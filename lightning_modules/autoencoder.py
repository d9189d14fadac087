"""Autoencoders: images are put into a few latents, from which they are made again."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.networks.mlp_autoencoder import MLPAutoencoder
from lightning_modules.training.answers.reconstruction import Reconstruction
from lightning_modules.training.batch import Batch
from lightning_modules.training.loss_means import MeanOverItems
from lightning_modules.training.task import Headline, Task

DRAWN = ("pixels", "latents", "importance samples")  # each from a stream of random numbers of its own
DRAWS = 1024  # of each in evaluation: items take turns, by their position in the split
CHUNK_SAMPLES = 10  # of the importance-weighted bound at a time: 250 images and 784 pixels are 8 MB of logits


class LowMean(MeanOverItems):
    """A mean that is to be low."""

    higher_is_better = False


class Autoencoder(Task):
    """Makes images again from their latents; a task sets ``network``, which gives what ``MLPAutoencoder`` does.

    Pixels are probabilities of white. Training draws black and white images from them, anew each time; validation and
    test draw the same ones always, whatever trains (Salakhutdinov & Murray 2008, and after them the papers that give
    nats on binarised MNIST). The loss is what a drawn image costs in nats: the cross-entropy of its pixels, and, if the
    autoencoder is variational (Kingma & Welling 2014), the Kullback-Leibler divergence of its latents from a standard
    normal, together an upper bound of -log p(image).

    Predictions are of images as they are, at the latents' means: ``reconstruction_error``, the mean squared difference
    of a pixel in 0…1, which is high for images unlike those of training; and the latents.

    Args:
        variational: whether latents are drawn from a normal each, and not just values.
        binarize: whether pixels are drawn; if not, the cross-entropy is that of grey pixels.
        shift_px: of an autoencoder that is not variational: in training it sees an image moved by up to this many
            pixels, and makes the one that was not moved: a denoising autoencoder (Vincent et al. 2008), whose latents
            say what is drawn rather than where. Not of a variational one, whose bound is of images where they are.
        importance_samples: K of the tighter bound that the test of a variational autoencoder gives (Burda et al. 2016);
            0 for none.
    """

    kind = "autoencoder"
    headline = Headline("nats", "min")
    target = "nothing"
    answer_type = Reconstruction
    network: MLPAutoencoder

    def __init__(
        self,
        variational: bool = False,
        binarize: bool = True,
        shift_px: int = 0,
        importance_samples: int = 50,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        for name, count in (("shift_px", shift_px), ("importance_samples", importance_samples)):
            if count < 0:
                raise ValueError(f"model.{name}={count} must be 0, for none, or above")
        self.variational = variational
        self.binarize = binarize
        self.shift_px = 0 if variational else shift_px
        self.importance_samples = importance_samples if variational else 0
        self.tighter_bound = LowMean()
        kept = ("nats", "reconstruction_error", "kl") if variational else ("nats", "reconstruction_error")
        self.measure({name: LowMean() for name in kept})

    @property
    def answer(self) -> Reconstruction:
        return Reconstruction(self.network.latents)

    def outputs(self, batch: Batch) -> Tensor:
        """Logits of the pixels, parameters of the latents: (B, D + Z), or (B, D + 2·Z) with latents that are drawn."""
        (images,) = batch.inputs
        if self.training and self.shift_px:
            images = shift(images, self.shift_px)
        noise = None
        if self.variational:
            noise = self._draws(batch, "latents", self.network.latents)
        outputs: Tensor = self(images, noise)
        return outputs.float()

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Compute the mean cost of an image in nats, ()."""
        nats = pixel_nats(outputs, pixels_of(batch)).mean()
        if self.variational:
            nats = nats + self._kl(outputs, batch).mean()
        return nats

    def update(self, metrics: MetricCollection, outputs: Tensor, batch: Batch) -> None:
        pixels = pixels_of(batch)
        figures = {
            "nats": self.loss(outputs, batch),
            "reconstruction_error": squared_error(outputs, pixels).mean(),
        }
        if self.variational:
            figures["kl"] = self._kl(outputs, batch).mean()
        for name, metric in metrics.items(keep_base=True):
            metric.update(figures[name], len(pixels))

    def predictions(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Reconstruction error and latents (B, 1 + Z)."""
        pixels = pixels_of(batch)
        latents = outputs[:, pixels.shape[1] :][:, : self.network.latents]
        return torch.cat([squared_error(outputs, pixels)[:, None], latents], dim=1)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return super().training_step(self._drawn(batch), batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        super().validation_step(self._drawn(batch), batch_idx)

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The ``predictions`` of the images as they are; the figures are those of drawn ones."""
        drawn = self._drawn(batch)
        super().test_step(drawn, batch_idx)
        if self.importance_samples:
            self.tighter_bound.update(self._importance_weighted(drawn).mean(), len(batch.index))
        return self.predict_step(batch, batch_idx)

    def on_test_epoch_end(self) -> None:
        super().on_test_epoch_end()
        if self.importance_samples:
            self.log(f"test/nats_iwae_{self.importance_samples}", self.tighter_bound.compute())
        self.tighter_bound.reset()

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self.predictions(self(*batch.inputs).float(), batch)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) made again, float32 in 0…255."""
        logits: Tensor = self(images)[:, : images[0].numel()]
        return 255 * logits.float().sigmoid().view(images.shape)

    def generate(self, count: int, shape: tuple[int, int, int]) -> Tensor:
        """New images of a shape (C, H, W), from latents of a standard normal: float32 (count, C, H, W) in 0…255."""
        generator = torch.Generator(self.device).manual_seed(0)
        latents = torch.randn(count, self.network.latents, generator=generator, device=self.device)
        logits: Tensor = self.network.decoder(latents)
        return 255 * logits.float().sigmoid().view(count, *shape)

    def _drawn(self, batch: Any) -> Any:
        """The batch with its images black and white, uint8, unless they stay grey."""
        if not self.binarize:
            return batch
        (images,) = batch.inputs
        white = self._draws(batch, "pixels", images[0].numel()).view(images.shape) < images / 255
        return batch._replace(image=255 * white.to(torch.uint8))

    def _draws(self, batch: Batch, what: str, count: int) -> Tensor:
        """Random numbers (B, count): new ones in training, and in evaluation the same for an item in any batch."""
        if self.training:
            return drawn(what, len(batch.index), count, batch.index.device)
        return kept_draws(what, count, batch.index.device)[batch.index % DRAWS]

    def _kl(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Divergence (B,) in nats of the latents' normals from the standard one."""
        means, log_variances = codes_of(outputs, batch)
        return (means.square() + log_variances.exp() - log_variances - 1).sum(1) / 2

    def _importance_weighted(self, batch: Batch) -> Tensor:
        """-log of the mean of K importance weights p(image, z) / q(z | image), (B,) in nats (Burda et al. 2016, §3)."""
        pixels = pixels_of(batch)
        means, log_variances = codes_of(self(*batch.inputs).float(), batch)
        draws = self._draws(batch, "importance samples", self.importance_samples * means.shape[1])
        weights = []
        for noise in draws.view(len(pixels), -1, means.shape[1]).transpose(0, 1).split(CHUNK_SAMPLES):
            latents = means + noise * (log_variances / 2).exp()  # (count, B, Z)
            logits = self.network.decoder(latents.flatten(0, 1)).float().view(len(noise), *pixels.shape)
            likelihood = -F.binary_cross_entropy_with_logits(logits, pixels.expand_as(logits), reduction="none").sum(2)
            # Of both normals' logarithms the constants cancel out.
            weights.append(likelihood + (noise.square() + log_variances - latents.square()).sum(2) / 2)
        return math.log(self.importance_samples) - torch.cat(weights).logsumexp(0)


def drawn(what: str, rows: int, columns: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
    """Draw random numbers, float32 (rows, columns): uniform in 0…1 for pixels, else standard normal."""
    draw = torch.rand if what == "pixels" else torch.randn
    return draw(rows, columns, generator=generator, device=device)


@lru_cache(maxsize=len(DRAWN))
def kept_draws(what: str, columns: int, device: torch.device) -> Tensor:
    """Draw the same random numbers every time, float32 (DRAWS, columns)."""
    with torch.inference_mode(False):  # whoever asks first
        return drawn(what, DRAWS, columns, device, torch.Generator(device).manual_seed(DRAWN.index(what)))


def pixels_of(batch: Batch) -> Tensor:
    """A batch's pixels in 0…1, float32 (B, D)."""
    return batch.inputs[0].flatten(1) / 255


def codes_of(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Means and logarithms of variances of the latents, (B, Z) each, from a variational network's outputs."""
    means, log_variances = outputs[:, batch.inputs[0][0].numel() :].chunk(2, dim=1)
    return means, log_variances


def shift(images: Tensor, most_px: int) -> Tensor:
    """Move each image of (B, C, H, W) by its own number of pixels, at most this many either way; black moves in."""
    count, _, height, width = images.shape
    top, left = torch.randint(2 * most_px + 1, (2, count, 1, 1), device=images.device)
    rows = top + torch.arange(height, device=images.device)[:, None]  # (B, H, 1)
    columns = left + torch.arange(width, device=images.device)  # (B, 1, W)
    padded = F.pad(images, [most_px] * 4).permute(0, 2, 3, 1)
    return padded[torch.arange(count, device=images.device)[:, None, None], rows, columns].permute(0, 3, 1, 2)


def pixel_nats(outputs: Tensor, pixels: Tensor) -> Tensor:
    """Cross-entropy (B,) of each image's pixels (B, D) in nats, from outputs that begin with their logits."""
    logits = outputs[:, : pixels.shape[1]]
    return F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum(1)


def squared_error(outputs: Tensor, pixels: Tensor) -> Tensor:
    """Mean squared difference (B,) of an image's pixels (B, D) in 0…1, from outputs that begin with their logits."""
    return (outputs[:, : pixels.shape[1]].sigmoid() - pixels).square().mean(1)
