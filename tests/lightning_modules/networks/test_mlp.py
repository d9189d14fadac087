import pytest
import torch
from torch import nn

from lightning_modules.networks.mlp import MLP


def test_defaults_are_784_256_128_10_on_flattened_images() -> None:
    network = MLP()
    shapes = [tuple(layer.weight.shape) for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert shapes == [(256, 784), (128, 256), (10, 128)]
    assert network(torch.randn(5, 1, 28, 28)).shape == (5, 10)


@pytest.mark.parametrize("hidden_features", [(), (6,), (8, 7, 6)])
def test_every_parameter_gets_a_gradient(hidden_features: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = MLP(in_features=12, hidden_features=hidden_features, num_classes=3)
    network(torch.randn(16, 3, 2, 2)).square().sum().backward()
    assert all(value.grad is not None and value.grad.any() for value in network.parameters())


def test_hidden_layers_are_not_linear() -> None:
    torch.manual_seed(0)
    network = MLP(in_features=4, hidden_features=(8,), num_classes=2)
    inputs = torch.randn(3, 4)
    midpoint = (network(inputs) + network(-inputs)) / 2
    assert not torch.allclose(midpoint, network(torch.zeros(3, 4)), atol=1e-4)


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network = MLP(in_features=4, hidden_features=(32,), num_classes=2, dropout=0.5)
    inputs = torch.randn(3, 4)
    assert not torch.equal(network(inputs), network(inputs))
    network.eval()
    assert torch.equal(network(inputs), network(inputs))
