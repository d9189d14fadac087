"""Whatever reads a text, its padding and its company change nothing, and the order of its words does."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.imdb_lstm import NETWORKS
from lightning_modules.networks.text_classifier import TextClassifier

KINDS = {name: kind for name, (kind, _) in NETWORKS.items()}
TEXTS = [[5, 6, 7], [9, 8, 7, 6, 5, 4], [3]]


def make_network(kind: str, **overrides: Any) -> TextClassifier:
    torch.manual_seed(0)
    sizes = {"num_classes": 3, "vocabulary_size": 50, "embedding_dim": 8, "hidden_size": 8}
    return KINDS[kind](**{**sizes, **overrides}).eval()


def pad(texts: list[list[int]], steps: int) -> tuple[Tensor, Tensor]:
    input_ids = torch.tensor([text + [0] * (steps - len(text)) for text in texts])
    return input_ids, (input_ids > 0).long()


def learn_word_orders(network: TextClassifier, steps: int) -> Tensor:
    """Train on six texts that differ in the order of their words, in bf16, and return the last loss."""
    texts = [[2, 3, 4, 5], [2, 4, 3, 5], [4, 3], [3, 4], [5, 3, 4], [5, 4, 3]]  # 3 before 4, or after
    input_ids, mask = pad(texts, steps=4)
    labels = torch.tensor([0, 1, 1, 0, 0, 1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in range(steps):
        with torch.autocast("cpu", torch.bfloat16):
            loss = nn.functional.cross_entropy(network(input_ids, mask).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", ["last", "mean_max"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_read_alike_whatever_its_padding_and_its_company(
    kind: str, pooling: str, bidirectional: bool, layers: int
) -> None:
    network = make_network(kind, pooling=pooling, bidirectional=bidirectional, num_layers=layers)
    with torch.no_grad():
        together = network(*pad(TEXTS, steps=40))
        alone = torch.cat([network(*pad([text], steps=len(text))) for text in TEXTS])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("pooling", ["last", "mean_max"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_words_counts(kind: str, pooling: str) -> None:
    network = make_network(kind, pooling=pooling)
    forwards, backwards = (network(*pad([text], steps=4)) for text in ([5, 6, 7, 8], [8, 7, 6, 5]))
    assert not torch.allclose(forwards, backwards, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_trains_gets_gradients_that_padding_does_not_change(kind: str) -> None:
    gradients = []
    for steps in (6, 40):
        network = make_network(kind, pretrained_dim=6)
        network(*pad(TEXTS[:2], steps)).square().sum().backward()
        gradients.append({name: p.grad for name, p in network.named_parameters() if p.requires_grad})
    assert network.embedding.weight.grad is None
    assert all(gradient is not None and gradient.any() for gradient in gradients[0].values())
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean_max"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_without_tokens_gets_finite_logits(kind: str, pooling: str) -> None:
    assert make_network(kind, pooling=pooling)(*pad([[], [5, 6]], steps=2)).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_looks_back_only_says_of_a_beginning_what_it_says_of_it_alone(kind: str) -> None:
    network = make_network(kind, bidirectional=False)
    tokens = network._embed(torch.tensor([[5, 6, 7, 8]]))
    (whole,), (begun,) = network.read(tokens, torch.tensor([4])), network.read(tokens[:, :2], torch.tensor([2]))
    torch.testing.assert_close(whole[:, :2], begun, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_one_batch_of_word_orders_is_learnt_by_heart_under_bf16_autocast(kind: str) -> None:
    network = make_network(kind, num_classes=2, dropout=0.0, word_dropout=0.0).train()
    assert learn_word_orders(network, steps=80) < 0.05
