import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks.mlp import MLP
from lightning_modules.networks.probes.macs import count_macs
from lightning_modules.networks.recurrent_classifiers import LSTMClassifier


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("items", [1, 3])
def test_matrix_products_and_convolutions_are_counted_for_one_item(items: int, device: str) -> None:
    assert count_macs(MLP(12, [5], 3).to(device), [torch.zeros(items, 12)]) == 12 * 5 + 5 * 3
    conv = nn.Conv2d(3, 8, 3, padding=1).to(device)
    assert count_macs(conv, [torch.zeros(items, 3, 4, 6)]) == 3 * 8 * 9 * 4 * 6


def test_an_lstm_is_counted_for_every_token_and_direction() -> None:
    network = LSTMClassifier(num_classes=2, vocabulary_size=11, embedding_dim=4, hidden_size=6, pooling="last")
    tokens = torch.ones(2, 7, dtype=torch.int64)
    assert count_macs(network, [tokens, tokens]) == 2 * 7 * 4 * 6 * (4 + 6) + 2 * 6 * 2


class Attention(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)


def test_attention_is_counted() -> None:
    assert count_macs(Attention(), [torch.zeros(3, 2, 5, 8)]) == 2 * (2 * 5 * 5 * 8)


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    count_macs(network, [torch.ones(2, 3)])
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
