from collections.abc import Callable

import pytest
import torch
from torch import nn

from lightning_modules.networks.cifar_resnet import CifarResNet
from lightning_modules.networks.edits.choose_channels import channels_to_keep
from lightning_modules.networks.edits.remove_channels import remove_channels
from lightning_modules.networks.fast_cnn import FastCNN
from lightning_modules.networks.mlp import MLP
from lightning_modules.networks.probes.macs import count_macs
from lightning_modules.networks.recurrent_classifiers import LSTMClassifier

IMAGES = torch.randn(2, 3, 32, 32)
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "fast cnn": lambda: FastCNN(10),
    "residual network": lambda: CifarResNet(10, widths=(32, 64), blocks=(1, 2)),
    "perceptron": lambda: MLP(3 * 32 * 32, (256, 128), 10),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_share_of_macs_is_met_within_two_percent_in_multiples(name: str) -> None:
    network = NETWORKS[name]().train()
    before, state = count_macs(network, [IMAGES]), {key: t.clone() for key, t in network.state_dict().items()}
    parameters = sum(p.numel() for p in network.parameters())
    kept = channels_to_keep(network, [IMAGES[:1]], 0.5)
    assert all(torch.equal(tensor, state[key]) for key, tensor in network.state_dict().items())
    assert network.training
    remove_channels(network, kept)
    assert count_macs(network, [IMAGES]) / before == pytest.approx(0.5, abs=0.02)
    assert network(IMAGES).shape == (2, 10)
    assert sum(p.numel() for p in network.parameters()) < 0.7 * parameters
    widths = [len(indices) for sides in kept.values() for side, indices in sides.items() if side == "out"]
    assert widths
    assert all(width % 8 == 0 for width in widths)


def test_the_whitening_of_the_fast_cnn_stays_whole() -> None:
    kept = channels_to_keep(FastCNN(10), [IMAGES[:1]], 0.3)
    assert "body.0.0" not in kept
    assert "in" not in kept["body.1.0"]


def test_the_most_important_channels_stay() -> None:
    torch.manual_seed(0)
    network = MLP(4, (16,), 3)
    with torch.no_grad():
        network.get_parameter("body.1.0.weight")[1::2] *= 100
    kept = channels_to_keep(network, [torch.zeros(1, 4)], 0.5)
    odd = list(range(1, 16, 2))
    assert kept == {"body.1.0": {"out": odd}, "head": {"in": odd}}


@torch.no_grad()
def test_a_channel_takes_its_pixels_with_it_where_they_are_flattened() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, stride=4, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 64, 10)]
    network = nn.Sequential(*layers)
    kept = channels_to_keep(network, [IMAGES[:1]], 0.5)
    gone = [channel for channel in range(16) if channel not in kept["0"]["out"]]
    network.get_parameter("0.weight")[gone] = 0
    expected = network(IMAGES)
    remove_channels(network, kept)
    assert len(gone) == 8
    assert torch.allclose(network(IMAGES), expected, atol=1e-5)


def test_what_goes_with_a_fixed_layer_stays_whole() -> None:
    network = MLP(4, (16, 16, 16), 3)
    network.body[2].requires_grad_(False)
    kept = channels_to_keep(network, [torch.zeros(1, 4)], 0.8)
    assert kept.keys() == {"body.3.0", "head"}


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(ValueError, match=r"macs=0.001 cannot be reached: with 8 channels a layer 0\.\d+ of them"):
        channels_to_keep(MLP(4, (16,), 3), [torch.zeros(1, 4)], 0.001)
    with pytest.raises(ValueError, match="no channels between two layers that train"):
        channels_to_keep(nn.Linear(4, 3), [torch.zeros(1, 4)], 0.5)
    tokens = torch.ones(1, 4, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"a network with Embedding \(embedding\) cannot be removed"):
        channels_to_keep(LSTMClassifier(2, 9), [tokens, tokens], 0.5)
