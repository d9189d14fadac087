"""What an image costs in nats, and what is said of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from datamodules.batches.images import ImageBatch
from lightning_modules.autoencoder import Autoencoder, shift
from lightning_modules.mnist_autoencoder import MnistAutoencoder


def tiny(**settings: Any) -> MnistAutoencoder:
    torch.manual_seed(0)
    return MnistAutoencoder(image_size_px=6, latents=3, hidden_features=8, residual_layers=1, **settings)


def batch_of(count: int = 4, first: int = 0) -> ImageBatch:
    images = torch.randint(0, 256, (count, 1, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(first))
    return ImageBatch(images, torch.zeros(count, dtype=torch.int64), torch.arange(first, first + count))


def drawn_bound(model: Autoencoder, batch: ImageBatch, draws: int) -> Tensor:
    """The bound (B,) in nats, by torch's own distributions and many draws of the latents."""
    pixels = batch.image.flatten(1) / 255
    means, log_variances = model.network.encoder(pixels).chunk(2, dim=1)
    posterior = Normal(means, (log_variances / 2).exp())
    likelihood = torch.stack(
        [Bernoulli(logits=model.network.decoder(posterior.sample())).log_prob(pixels).sum(1) for _ in range(draws)]
    )
    return kl_divergence(posterior, Normal(0.0, 1.0)).sum(1) - likelihood.mean(0)


@torch.no_grad()
def test_the_loss_of_a_variational_one_is_the_evidence_bound() -> None:
    model = tiny(variational=True, binarize=False)
    batch = batch_of()._replace(image=255 * (batch_of().image > 127).to(torch.uint8))
    losses = torch.stack([model.loss(model.outputs(batch), batch) for _ in range(2000)])
    assert float(losses.mean()) == pytest.approx(float(drawn_bound(model, batch, 2000).mean()), abs=0.02)


@torch.no_grad()
def test_importance_weights_tighten_the_bound_and_one_of_them_is_the_bound() -> None:
    batch = batch_of()._replace(image=255 * (batch_of().image > 127).to(torch.uint8))
    costs = {}
    for samples in (1, 2000):
        model = tiny(variational=True, importance_samples=samples)
        for parameter in model.network.encoder[-1].parameters():
            parameter.mul_(3)  # a posterior that is far from the true one
        draws = [
            model._importance_weighted(batch._replace(index=batch.index + n)).mean() for n in range(400 // samples or 1)
        ]
        costs[samples] = float(torch.stack(draws).mean())
        bound = float(drawn_bound(model, batch, 2000).mean())
    assert costs[1] == pytest.approx(bound, abs=0.3)
    pixels = batch.image.flatten(1) / 255
    latents = torch.randn(100_000, 3)
    exact = torch.stack(
        [Bernoulli(logits=model.network.decoder(latents)).log_prob(image).sum(1).logsumexp(0) for image in pixels]
    )
    assert costs[2000] == pytest.approx(float((math.log(100_000) - exact).mean()), abs=0.05)
    assert costs[2000] < bound - 0.1


def test_evaluation_draws_the_same_images_and_latents_always_and_training_others() -> None:
    model = tiny(variational=True).eval()
    batch = batch_of()
    first, again = (model._drawn(batch) for _ in range(2))
    assert torch.equal(first.image, again.image)
    assert torch.equal(model.outputs(first), model.outputs(again))
    assert first.image.unique().tolist() == [0, 255]
    alone = batch._replace(image=batch.image[2:3], label=batch.label[2:3], index=batch.index[2:3])
    assert torch.equal(model._drawn(alone).image, first.image[2:3])  # whatever else is in a batch
    model.train()
    assert not torch.equal(model._drawn(batch).image, model._drawn(batch).image)


def test_drawn_pixels_are_white_as_often_as_they_are_light() -> None:
    model = tiny()
    batch = batch_of(1)
    shares = torch.stack([model._drawn(batch).image for _ in range(4000)]).float().mean(0) / 255
    assert torch.allclose(shares, batch.image / 255, atol=0.05)


def test_predictions_are_of_the_images_as_they_are_and_what_an_export_says_of_them() -> None:
    for variational in (False, True):
        model = tiny(variational=variational).eval()
        batch = batch_of()
        said = model.predict_step(batch, 0).detach()
        outputs = model(batch.image).detach()
        pixels = batch.image.flatten(1) / 255
        assert torch.allclose(said[:, 0], (outputs[:, :36].sigmoid() - pixels).square().mean(1), atol=1e-6)
        assert torch.equal(said[:, 1:], outputs[:, 36:39])
        exported = model.answer.predictions(outputs.numpy(), [batch.image.numpy()])
        assert np.allclose(exported, said.numpy(), atol=1e-6)


def test_an_image_is_moved_and_made_where_it_was() -> None:
    images = torch.zeros(200, 1, 9, 7, dtype=torch.uint8)
    images[:, :, 4, 3] = 200
    moved = shift(images, 2)
    places = {tuple(place) for place in (moved == 200).nonzero()[:, 2:].tolist()}
    assert moved.shape == images.shape
    assert len((moved == 200).nonzero()) == 200
    assert places == {(row, column) for row in range(2, 7) for column in range(1, 6)}
    assert torch.equal(shift(images, 0), images)


def test_only_a_plain_autoencoder_sees_moved_images_and_in_training_only() -> None:
    batch = batch_of()
    for variational, changes in ((False, True), (True, False)):
        model = tiny(variational=variational, shift_px=3)
        means = [model.outputs(batch)[:, 36:39] for _ in range(2)]
        assert torch.equal(*means) != changes
        model.eval()
        assert torch.equal(*[model.outputs(batch)[:, 36:39] for _ in range(2)])


@pytest.mark.parametrize("name", ["shift_px", "importance_samples"])
def test_settings_below_zero_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"model.{name}=-1 must be 0"):
        tiny(**{name: -1})
