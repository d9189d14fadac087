from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks.bert import BertClassifier, build_bert_from_config
from lightning_modules.networks.edits.add_adapters import (
    Method,
    adapted_layers,
    add_adapters,
    is_adapter,
    merge_adapters,
)
from lightning_modules.networks.mlp import MLP

LOW_RANK: dict[str, Any] = {"rank": 2, "alpha": 4.0}
OPTIONS: dict[Method, dict[str, Any]] = {"lora": LOW_RANK, "adalora": LOW_RANK, "ia3": {"feedforward": ["*3", "*head"]}}
METHODS = get_args(Method)


def mlp() -> nn.Module:
    torch.manual_seed(0)
    return MLP(16, (8,), 3)


def convolutional() -> nn.Module:
    """With a convolution in groups."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


def tiny_bert() -> BertClassifier:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return build_bert_from_config({"model_type": "bert", "vocab_size": 50, **sizes}, num_classes=2).eval()


NETWORKS: dict[Callable[[], nn.Module], tuple[Tensor, ...]] = {
    mlp: (torch.randn(5, 16, generator=torch.Generator().manual_seed(1)),),
    convolutional: (torch.randn(5, 3, 9, 9, generator=torch.Generator().manual_seed(1)),),
    tiny_bert: (torch.randint(50, (3, 7), generator=torch.Generator().manual_seed(1)), torch.ones(3, 7).long()),
}
each_network = pytest.mark.parametrize("build", NETWORKS)
each_method = pytest.mark.parametrize("method", METHODS)


def adapted(build: Callable[[], nn.Module], method: Method) -> nn.Module:
    network = build()
    options = {} if method == "ia3" and build is tiny_bert else OPTIONS[method]
    add_adapters(network, method, ["*"] if build is not tiny_bert else ["*.query", "*.value"], **options)
    return network


def trained_a_little(network: nn.Module) -> None:
    """Adapters do nothing until they have trained."""
    for name, weight in network.named_parameters():
        if is_adapter(name):
            nn.init.normal_(weight, mean=float(weight.detach().mean() > 0.9), std=0.3)


@torch.no_grad()
def logits(network: nn.Module, build: Callable[[], nn.Module]) -> Tensor:
    return network(*NETWORKS[build])


@each_network
@each_method
def test_adapters_change_nothing_until_they_train_and_merge_into_plain_layers(
    build: Callable[[], nn.Module], method: Method
) -> None:
    plain, network = build(), adapted(build, method)
    before = logits(plain, build) if build is not tiny_bert else logits(network, build)
    assert torch.equal(logits(network, build), before)
    trained_a_little(network)
    after = logits(network, build)
    assert not torch.allclose(after, before, atol=1e-6)
    merge_adapters(network)
    assert torch.allclose(logits(network, build), after, atol=1e-5, rtol=1e-4)
    assert list(network.state_dict()) == list(plain.state_dict())
    assert not adapted_layers(network)


def test_low_rank_adapters_leave_out_convolutions_in_groups_and_ia3_does_not() -> None:
    names = {method: [name for name, _ in adapted_layers(adapted(convolutional, method))] for method in METHODS}
    assert names["lora"] == names["adalora"] == ["0", "3", "6"]
    assert names["ia3"] == ["0", "2", "3", "6"]


def test_ia3_scales_the_inputs_of_feedforward_layers_and_the_outputs_of_others() -> None:
    layers = dict(adapted_layers(adapted(convolutional, "ia3")))
    assert [layers[name].is_feedforward for name in ("0", "2", "3")] == [False, False, True]


@each_method
def test_what_is_frozen_stays_so_and_what_trains_too(method: Method) -> None:
    network = mlp()
    network.get_parameter("head.weight").requires_grad = False
    add_adapters(network, method, ["body.*"], **({} if method == "ia3" else LOW_RANK))
    frozen = [name for name, weight in network.named_parameters() if not weight.requires_grad]
    assert [name for name in frozen if "ranknum" not in name] == ["head.weight"]


@each_method
def test_it_takes_no_memory_on_the_meta_device(method: Method) -> None:
    with torch.device("meta"):
        empty = adapted(mlp, method)
    assert {value.device.type for value in empty.state_dict().values()} == {"meta"}
    assert list(empty.state_dict()) == list(adapted(mlp, method).state_dict())


@pytest.mark.parametrize(
    ("method", "wrong", "line"),
    [
        ("lora", {"rank": 10**9}, r"rank=1000000000 must lie in 1…3, the smallest side"),
        ("adalora", {"rank": 0}, r"rank=0 must lie in 1…3"),
        ("lora", {"rank": 1.5}, r"rank=1.5 must lie in 1…3"),
        ("lora", {"alpha": float("nan")}, "alpha=nan must be a number above 0"),
        ("lora", {"alpha": "2"}, "alpha=2 must be"),
        ("adalora", {"dropout": 1.0}, r"dropout=1.0 must lie in \[0, 1\)"),
        ("ia3", {"targets": "body.*"}, "targets='body.*' must be a list"),
        ("lora", {"targets": [3]}, r"targets=\[3\] must be a list"),
        ("lora", {"targets": ["*.query"]}, r"targets=\['\*.query'\] match no layer .* it has: body.1.0, head"),
        ("ia3", {"feedforward": ["nothing"]}, r"feedforward=\['nothing'\] match none of the layers"),
        ("ia3", {"feedforward": "head"}, "feedforward='head' must be a list"),
        ("prefix", {}, "method='prefix' is none of lora, adalora, ia3"),
    ],
)
def test_options_of_which_nobody_knows_are_checked(method: Any, wrong: dict[str, Any], line: str) -> None:
    network = mlp()
    with pytest.raises(ValueError, match=line):
        add_adapters(network, method, **{"targets": ["*"], **wrong})
    assert not adapted_layers(network)


def test_adapters_are_added_once() -> None:
    network = adapted(mlp, "lora")
    with pytest.raises(ValueError, match="has adapters already"):
        add_adapters(network, "ia3", ["*"])
