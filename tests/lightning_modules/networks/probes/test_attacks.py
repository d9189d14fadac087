from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.bert import build_bert_from_config
from lightning_modules.networks.probes.attacks import attack_embeddings, attack_images, first_embedding, undisturbed
from lightning_modules.networks.recurrent_classifiers import LSTMClassifier, reverse_within_length
from tests.tiny_inputs import ImageSet, TinyCNN, TinyLSTM, reviews

FGSM: dict[str, Any] = {"epsilon_px": 6.0, "step_px": 6.0, "steps": 1, "from_random": False}
PGD: dict[str, Any] = {"epsilon_px": 6.0, "step_px": 2.0, "steps": 6, "from_random": True}


def images() -> tuple[Tensor, Tensor]:
    batch = ImageSet(32).__getitems__(list(range(32)))
    return batch.image, batch.label


def of(label: Tensor) -> Callable[[Tensor], Tensor]:
    return partial(F.cross_entropy, target=label)


def loss(network: nn.Module, inputs: Tensor, label: Tensor) -> Tensor:
    with undisturbed(network):
        return F.cross_entropy(network(inputs), label)


@pytest.mark.parametrize("attack", [FGSM, PGD], ids=["fgsm", "pgd"])
def test_pixels_stay_within_the_bound_and_their_range(attack: dict[str, Any]) -> None:
    clean, label = images()
    clean[:, :, :2], clean[:, :, 2:4] = 0, 255
    attacked = attack_images(TinyCNN().network, clean, of(label), **attack)
    assert attacked.dtype == torch.float32
    assert not attacked.requires_grad
    assert (attacked - clean.float()).abs().max() == pytest.approx(6.0)
    assert attacked.min() >= 0
    assert attacked.max() <= 255


def test_one_step_is_the_sign_of_the_gradient() -> None:
    network = TinyCNN().network
    clean, label = images()
    inputs = clean.float().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(network, inputs, label), inputs)
    assert torch.equal(attack_images(network, clean, of(label), **FGSM), (clean + 6 * gradient.sign()).clamp(0, 255))


def test_steps_raise_the_loss_further_than_one() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(TinyCNN().network, nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    clean, label = images()
    losses = [loss(network, attack_images(network, clean, of(label), **attack), label) for attack in (FGSM, PGD)]
    assert loss(network, clean, label) < losses[0] < losses[1]


def test_the_network_is_left_as_it_was() -> None:
    network = TinyCNN().network.train()
    network[5].eval()  # type: ignore[index]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    clean, label = images()
    attack_images(network, clean, of(label), **PGD)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert [module.training for module in network.children()] == [True] * 5 + [False, True]


def test_an_attack_works_where_gradients_are_off_and_on_mixed_labels() -> None:
    clean, label = images()
    mixed = F.one_hot(label, 2).float() * 0.7 + 0.15
    with torch.no_grad():
        attacked = attack_images(TinyCNN().network, clean, of(mixed), **FGSM)
    assert torch.equal(attacked, attack_images(TinyCNN().network, clean, of(label), **FGSM))


def lstm() -> LSTMClassifier:
    network = TinyLSTM().network
    assert isinstance(network, LSTMClassifier)
    return network


def bert() -> nn.Module:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    return build_bert_from_config({"model_type": "bert", "vocab_size": 16, **sizes}, num_classes=2)


@pytest.mark.parametrize("network", [lstm(), bert()], ids=["lstm", "bert"])
def test_token_vectors_move_by_their_share_and_raise_the_loss(network: nn.Module) -> None:
    batch = reviews(6).__getitems__(list(range(6)))
    table = first_embedding(network)
    assert table is not None
    seen: list[Tensor] = []
    network.eval()
    plain = F.cross_entropy(network(*batch.inputs), batch.label)
    handle = table.register_forward_hook(lambda *call: seen.append(call[2].detach()))  # before the attack's own hook
    attacked = attack_embeddings(network, batch.inputs, of(batch.label), share=0.2)
    handle.remove()
    assert seen[0].shape[1:] == (8, table.embedding_dim)
    assert F.cross_entropy(attacked, batch.label) > plain
    assert attacked.requires_grad
    assert not table._forward_hooks


def test_the_perturbation_is_as_long_as_it_says() -> None:
    network = nn.ModuleDict({"table": nn.Embedding(16, 4)})
    seen: list[Tensor] = []

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = network["table"]

        def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
            vectors = self.table(ids)
            seen.append(vectors.detach())
            return vectors.sum(1)[:, :2]

    ids = torch.tensor([[1, 2, 3], [4, 5, 5]])
    attack_embeddings(Sum(), (ids, torch.ones_like(ids)), of(torch.tensor([0, 1])), share=0.25)
    plain, moved = seen
    for text in range(2):
        assert (moved - plain)[text].norm() == pytest.approx(0.25 * float(plain[text].norm()), rel=1e-4)


def test_both_directions_read_a_token_that_moved_once() -> None:
    network, read = lstm().eval(), []
    for reader in network.lstms:
        reader.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].detach()))
    ids, mask = torch.tensor([[1, 2, 3, 2], [4, 5, 0, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    with torch.no_grad():
        vectors = network.embedding(ids)
    with undisturbed(network):
        attack_embeddings(network, (ids, mask), of(torch.tensor([0, 1])), share=0.25)
    forwards, backwards = read[2], reverse_within_length(read[3], mask.sum(1))
    assert torch.equal(forwards, backwards)
    moved = (forwards - vectors).norm(dim=(1, 2))
    torch.testing.assert_close(moved, 0.25 * (vectors * mask[:, :, None]).norm(dim=(1, 2)))


@pytest.mark.parametrize("network", [lstm(), bert()], ids=["lstm", "bert"])
def test_padding_changes_nothing(network: nn.Module) -> None:
    ids, label = torch.tensor([[4, 5, 6]]), torch.tensor([0])
    padded, mask = torch.tensor([[4, 5, 6, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]])
    table = first_embedding(network)
    assert table is not None
    torch.nn.init.ones_(table.weight[0].data)  # as pretrained ones have it
    with undisturbed(network):
        alone = attack_embeddings(network.eval(), (ids, torch.ones_like(ids)), of(label), share=0.5)
        beside = attack_embeddings(network, (padded, mask), of(label), share=0.5)
    torch.testing.assert_close(beside, alone)


@pytest.mark.parametrize("network", [lstm(), bert()], ids=["lstm", "bert"])
def test_equal_texts_of_different_labels_are_moved_apart(network: nn.Module) -> None:
    ids = torch.tensor([[4, 5, 6], [4, 5, 6]])
    with undisturbed(network):
        attacked = attack_embeddings(network.eval(), (ids, torch.ones_like(ids)), of(torch.tensor([0, 1])), share=0.5)
    assert attacked[0, 1] > attacked[1, 1]
    assert attacked[0, 0] < attacked[1, 0]


def test_images_have_no_embedding() -> None:
    assert first_embedding(TinyCNN().network) is None
