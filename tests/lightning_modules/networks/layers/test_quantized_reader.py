from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lightning_modules.networks.edits.fake_quantize import fake_quantize
from lightning_modules.networks.layers.quantized_reader import QuantizedLSTM
from lightning_modules.networks.layers.rounding import RowRange
from lightning_modules.networks.recurrent_classifiers import LSTMClassifier

IDS = torch.randint(2, 50, (4, 9), generator=torch.Generator().manual_seed(0))


def small_lstm() -> LSTMClassifier:
    torch.manual_seed(0)
    return LSTMClassifier(2, vocabulary_size=50, embedding_dim=8, hidden_size=8, dropout=0.0, word_dropout=0.0)


def test_texts_are_rounded_and_nothing_is_added_to_the_state() -> None:
    network = small_lstm()
    mask = torch.ones_like(IDS)
    exact, names = network.eval()(IDS, mask), list(network.state_dict())
    fake_quantize(network)
    quantized = network(IDS, mask)
    assert list(network.state_dict()) == names
    assert not torch.equal(exact, quantized)
    assert (exact - quantized).abs().max() < 0.05
    network.train()(IDS, mask).sum().backward()
    assert all(p.grad is not None and p.grad.count_nonzero() for p in network.lstms.parameters())


def test_vectors_that_the_export_projects_once_are_left_alone() -> None:
    network = LSTMClassifier(2, vocabulary_size=50, embedding_dim=8, hidden_size=8, pretrained_dim=12)
    fake_quantize(network)
    assert type(network.embedding) is nn.Embedding
    assert type(network.projection) is nn.Linear
    assert type(network.lstms[0]) is not nn.LSTM
    assert isinstance(network.head.input_range, RowRange)


def test_no_text_has_a_part_in_how_another_is_rounded() -> None:
    network = small_lstm().eval()
    with torch.no_grad():
        network.embedding.weight[40:] *= 100
    fake_quantize(network)
    ids, loud = IDS % 38 + 2, IDS.new_full((3, 9), 45)
    alone = network(ids, torch.ones_like(ids))
    in_company = network(torch.cat([ids, loud]), torch.ones(7, 9, dtype=torch.int64))
    assert torch.allclose(alone, in_company[:4], atol=1e-6)


@pytest.mark.parametrize(("layers", "bias"), [(1, True), (2, True), (2, False)])
def test_a_rounded_lstm_is_close_to_the_plain_one_in_its_states_and_its_ends(layers: int, bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.LSTM(6, 8, layers, batch_first=True, bias=bias)
    quantized = copy.deepcopy(plain)
    quantized.__class__ = QuantizedLSTM
    inputs, start = torch.randn(3, 7, 6), (torch.rand(layers, 3, 8), torch.rand(layers, 3, 8))
    for given in (None, start):
        states, ends = plain(inputs, given)
        found, found_ends = quantized(inputs, given)
        for exact, rounded in zip((states, *ends), (found, *found_ends), strict=True):
            assert exact.shape == rounded.shape
            assert 0 < (exact - rounded).abs().max() < 0.02
