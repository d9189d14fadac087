"""FastDropout is nn.Dropout but for its random bits."""

import pytest
import torch
from torch import nn

from lightning_modules.networks.layers.dropout import FastDropout, use_fast_dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.93])
def test_it_drops_the_share_and_keeps_the_mean(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    dropped = FastDropout(p)(torch.ones(400_003, dtype=dtype))
    assert (dropped == 0).double().mean().item() == pytest.approx(p, abs=0.004)
    assert dropped.double().mean().item() == pytest.approx(1, abs=0.02)
    assert dropped.dtype == dtype
    assert dropped.unique().numel() == 2


def test_the_gradient_passes_where_the_value_did() -> None:
    ones = torch.ones(6, 5, requires_grad=True)
    dropped = FastDropout(0.4)(ones)
    dropped.sum().backward()
    assert torch.equal(ones.grad, dropped.detach())  # type: ignore[arg-type]


def test_masks_follow_the_seed_and_differ_between_calls() -> None:
    dropout, ones = FastDropout(0.5), torch.ones(1000)
    torch.manual_seed(3)
    first, second = dropout(ones), dropout(ones)
    torch.manual_seed(3)
    assert torch.equal(dropout(ones), first)
    assert not torch.equal(first, second)
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1]) < 0.15


@pytest.mark.parametrize(("p", "kept"), [(0.0, True), (1e-9, True), (1.0, False)])
def test_none_or_all_can_be_dropped(p: float, kept: bool) -> None:
    assert FastDropout(p)(torch.ones(5)).tolist() == [float(kept)] * 5


def test_evaluation_changes_nothing() -> None:
    values = torch.randn(7)
    assert FastDropout(0.9).eval()(values) is values


def test_it_replaces_dropout_deep_inside_without_new_names() -> None:
    inner = nn.Sequential(nn.Dropout(0.3), nn.Dropout1d(0.2))
    network = nn.Sequential(nn.Linear(2, 2), inner)
    names = list(network.state_dict())
    use_fast_dropout(network)
    assert [type(module) for module in inner] == [FastDropout, nn.Dropout1d]
    assert inner[0].p == 0.3
    assert list(network.state_dict()) == names
