import pytest
import torch

from lightning_modules.networks.edits.choose_channels import channels_to_keep
from lightning_modules.networks.edits.remove_channels import remove_channels
from lightning_modules.networks.mlp_autoencoder import MLPAutoencoder

IMAGES = torch.randint(0, 256, (5, 1, 6, 6), dtype=torch.uint8)


def tiny(variational: bool) -> MLPAutoencoder:
    torch.manual_seed(0)
    return MLPAutoencoder(36, latents=3, hidden_features=8, residual_layers=1, variational=variational)


@pytest.mark.parametrize(("variational", "parameters"), [(False, 3), (True, 6)])
def test_outputs_are_logits_of_pixels_and_parameters_of_latents(variational: bool, parameters: int) -> None:
    network = tiny(variational)
    outputs = network(IMAGES)
    assert outputs.shape == (5, 36 + parameters)
    assert torch.allclose(outputs[:, :36], network.decoder(outputs[:, 36:39]), atol=1e-6)


def test_noise_moves_latents_by_their_standard_deviations() -> None:
    network = tiny(variational=True)
    noise = torch.randn(5, 3)
    logits, means, log_variances = network(IMAGES, noise).split([36, 3, 3], dim=1)
    moved = means + noise * log_variances.exp().sqrt()
    assert torch.allclose(logits, network.decoder(moved), atol=1e-5)
    assert not torch.allclose(logits, network(IMAGES)[:, :36], atol=1e-3)


def test_a_width_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="latents=0 must be at least 1"):
        MLPAutoencoder(36, latents=0)
    with pytest.raises(ValueError, match="hidden_features=0 must be at least 1"):
        MLPAutoencoder(36, hidden_features=0)


@pytest.mark.parametrize("variational", [False, True])
def test_channels_are_removed_within_and_outputs_stay_whole(variational: bool) -> None:
    network = MLPAutoencoder(36, latents=3, hidden_features=16, residual_layers=1, variational=variational)
    shape = network(IMAGES).shape
    remove_channels(network, channels_to_keep(network, [IMAGES], share=0.5))
    assert network(IMAGES).shape == shape
    assert len(network.state_dict()["encoder.0.bias"]) < 16
    assert len(network.state_dict()["decoder.0.bias"]) < 16
