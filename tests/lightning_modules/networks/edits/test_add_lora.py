from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks.bert import BertClassifier, build_bert_from_config
from lightning_modules.networks.edits.add_lora import adapted_layers, add_lora, merge_lora
from lightning_modules.networks.mlp import MLP

OPTIONS: dict[str, Any] = {"targets": ["body.*"], "rank": 2, "alpha": 4.0}


def mlp() -> MLP:
    torch.manual_seed(0)
    return MLP(16, (8,), 3)


def tiny_bert() -> BertClassifier:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return build_bert_from_config({"model_type": "bert", "vocab_size": 50, **sizes}, num_classes=2).eval()


def trained_a_little(network: nn.Module) -> None:
    """Adapters do nothing until B has trained."""
    for _, layer in adapted_layers(network):
        nn.init.normal_(layer.lora_B.default.weight)


def logits(network: nn.Module) -> Tensor:
    with torch.no_grad():
        return network(torch.randn(5, 16, generator=torch.Generator().manual_seed(1)))


def test_at_first_the_logits_are_the_same() -> None:
    network = mlp()
    before = logits(network)
    add_lora(network, **OPTIONS)
    assert torch.equal(logits(network), before)
    trained_a_little(network)
    assert not torch.allclose(logits(network), before, atol=1e-2)


def test_merged_logits_are_equal_and_layers_plain() -> None:
    network, plain = mlp(), mlp()
    add_lora(network, **OPTIONS)
    trained_a_little(network)
    before = logits(network)
    merge_lora(network)
    assert torch.allclose(logits(network), before, atol=1e-5)
    assert list(network.state_dict()) == list(plain.state_dict())
    assert not adapted_layers(network)


def test_berts_queries_and_values_get_adapters_that_merge() -> None:
    network = tiny_bert()
    names = list(network.state_dict())
    add_lora(network, ["*.query", "*.value"], rank=4, alpha=8.0)
    assert [name.rpartition(".")[2] for name, _ in adapted_layers(network)] == ["query", "value"] * 2
    trained_a_little(network)
    ids = torch.randint(50, (3, 7), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = network(ids, torch.ones_like(ids))
        merge_lora(network)
        assert torch.allclose(network(ids, torch.ones_like(ids)), before, atol=1e-5)
    assert list(network.state_dict()) == names


def test_what_is_frozen_stays_so_and_what_trains_too() -> None:
    network = mlp()
    network.head.weight.requires_grad = False
    add_lora(network, **OPTIONS)
    frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    assert frozen == ["head.weight"]


def test_it_takes_no_memory_on_the_meta_device() -> None:
    with torch.device("meta"):
        empty = MLP(16, (8,), 3)
        add_lora(empty, **OPTIONS)
    network = mlp()
    add_lora(network, **OPTIONS)
    assert {value.device.type for value in empty.state_dict().values()} == {"meta"}
    assert list(empty.state_dict()) == list(network.state_dict())


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"rank": 10**9}, r"rank=1000000000 must lie in 1…8"),
        ({"rank": 0}, r"rank=0 must lie in 1…8"),
        ({"rank": 1.5}, r"rank=1.5 must lie in 1…8"),
        ({"alpha": float("nan")}, "alpha=nan must be a number above 0"),
        ({"alpha": "2"}, "alpha=2 must be"),
        ({"dropout": 1.0}, r"dropout=1.0 must lie in \[0, 1\)"),
        ({"targets": "body.*"}, "targets='body.*' must be a list"),
        ({"targets": [3]}, r"targets=\[3\] must be a list"),
        ({"targets": ["*.query"]}, r"targets=\['\*.query'\] match no linear layer .* it has: body.1.0, head"),
    ],
)
def test_options_of_which_nobody_knows_are_checked(wrong: dict[str, Any], line: str) -> None:
    network = mlp()
    with pytest.raises(ValueError, match=line):
        add_lora(network, **{**OPTIONS, **wrong})
    assert not adapted_layers(network)


def test_adapters_are_added_once() -> None:
    network = mlp()
    add_lora(network, **OPTIONS)
    with pytest.raises(ValueError, match="has LoRA adapters already"):
        add_lora(network, **OPTIONS)
