from typing import Any

import pytest
from torch import nn

from lightning_modules.networks.edits.add_adapters import adapted_layers
from lightning_modules.networks.edits.add_lora import add_lora
from lightning_modules.networks.mlp import MLP

OPTIONS: dict[str, Any] = {"targets": ["body.*"], "rank": 2, "alpha": 4.0}


def mlp() -> MLP:
    return MLP(16, (8,), 3)


def test_only_linear_layers_get_adapters_as_in_earlier_versions() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Flatten(), nn.Linear(8, 3))
    add_lora(network, ["*"], rank=2, alpha=4.0)
    assert [name for name, _ in adapted_layers(network)] == ["2"]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"rank": 10**9}, r"rank=1000000000 must lie in 1…8"),
        ({"alpha": "2"}, "alpha=2 must be"),
        ({"targets": "body.*"}, "targets='body.*' must be a list"),
        ({"targets": [3]}, r"targets=\[3\] must be a list"),
        ({"targets": ["*.query"]}, r"targets=\['\*.query'\] match no layer .* it has: body.1.0, head"),
    ],
)
def test_options_of_which_nobody_knows_are_checked(wrong: dict[str, Any], line: str) -> None:
    network = mlp()
    with pytest.raises(ValueError, match=line):
        add_lora(network, **{**OPTIONS, **wrong})
    assert not adapted_layers(network)
