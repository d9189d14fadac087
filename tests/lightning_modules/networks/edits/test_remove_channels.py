from typing import Any

import pytest
import torch
from torch import nn

from lightning_modules.networks.edits.edit import operate
from lightning_modules.networks.edits.remove_channels import narrowed, remove_channels


def network() -> Any:
    layers = [nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 1), nn.Flatten(), nn.Linear(16, 2)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last).eval()


KEPT = {"0": {"out": [0, 2, 5]}, "1": {"out": [0, 2, 5]}, "3": {"in": [0, 2, 5]}}
IMAGES = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_what_is_left_computes_what_it_did_without_the_others() -> None:
    torch.manual_seed(0)
    whole = network()
    whole[3].weight[:, [1, 3, 4]] = 0
    expected = whole(IMAGES)
    remove_channels(whole, KEPT)
    assert torch.allclose(whole(IMAGES), expected, atol=1e-6)
    assert whole[0].weight.shape == (3, 3, 3, 3)
    assert whole[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert (whole[0].out_channels, whole[1].num_features, whole[3].in_channels) == (3, 3, 3)
    assert whole[1].running_var.shape == (3,)


def test_it_works_without_memory_and_keeps_what_is_fixed_fixed() -> None:
    with torch.device("meta"):
        empty = network()
    empty[0].weight.requires_grad_(False)
    operate(empty, "remove_channels", {"kept": KEPT})
    remove_channels(real := network(), KEPT)
    assert {n: t.shape for n, t in empty.state_dict().items()} == {n: t.shape for n, t in real.state_dict().items()}
    assert not empty[0].weight.requires_grad
    assert empty[3].weight.requires_grad


@pytest.mark.parametrize(
    "kept",
    [
        {"9": {"out": [0]}},
        {"2": {"out": [0]}},
        {"": {"out": [0]}},
        {"0": {"out": []}},
        {"0": {"out": [0, 6]}},
        {"0": {"out": [-1, 0]}},
        {"0": {"out": [0, 0, 0]}},
        {"0": {"out": [1, 0]}},
        {"0": {"out": [True]}},
        {"0": {"out": [0.0]}},
        {"0": {"out": "01"}},
        {"0": {"across": [0]}},
        {"1": {"in": [0]}},
    ],
    ids=str,
)
def test_channels_that_are_not_there_are_refused(kept: Any) -> None:
    with pytest.raises(ValueError, match=r"channels of '.*' cannot be removed|these cannot be kept"):
        remove_channels(network(), kept)


def test_a_grouped_convolution_is_refused() -> None:
    with pytest.raises(ValueError, match="channels of '0' cannot be removed: it is Conv2d"):
        remove_channels(nn.Sequential(nn.Conv2d(4, 4, 3, groups=4)), {"0": {"out": [0]}})


def test_a_count_of_steps_is_not_narrowed() -> None:
    assert torch.equal(narrowed(torch.tensor(3.0), {"out": [0], "in": [0]}), torch.tensor(3.0))
    assert torch.equal(narrowed(torch.arange(3), {"out": [0, 2], "in": [0]}), torch.tensor([0, 2]))
