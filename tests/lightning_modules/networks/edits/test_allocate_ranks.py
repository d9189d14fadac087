from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks.edits.add_adapters import add_adapters
from lightning_modules.networks.edits.allocate_ranks import RankAllocation, budget_at

RANK = 3


def network() -> Any:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4))
    add_adapters(layers, "adalora", ["*"], rank=RANK, alpha=3.0)
    return layers


def with_gradients(layers: Any, worth: Tensor) -> None:
    """Gradients such that each direction, of both adapters in turn, matters as much as ``worth`` (6,) says."""
    for layer, part in zip(layers, worth.split(RANK), strict=True):
        factors = layer.lora_E["default"]
        factors.data.fill_(1.0)
        for weight in layer.parameters():
            weight.grad = torch.zeros_like(weight)
        factors.grad = part.unsqueeze(1).clone()


def test_the_directions_that_matter_most_are_kept_whatever_layer_they_are_in() -> None:
    layers = network()
    ranks = RankAllocation(layers)
    with_gradients(layers, torch.tensor([0.1, 5.0, 4.0, 0.2, 0.3, 6.0]))
    ranks.observe()
    ranks.keep(3)
    assert ranks.kept.tolist() == [False, True, True, False, False, True]
    assert ranks.ranks() == {"0": 2, "1": 1}
    assert layers.state_dict()["0.lora_E.default"].squeeze(1).tolist() == [0.0, 1.0, 1.0]
    assert {name: int(mask.sum()) for name, mask in ranks.masks().items()} == {
        "0.lora_E.default": 2,
        "1.lora_E.default": 1,
    }


def test_importance_is_smoothed_sensitivity_times_smoothed_uncertainty_of_the_whole_direction() -> None:
    layers = network()
    ranks = RankAllocation(layers)
    for step in range(2):
        torch.manual_seed(step)
        for weight in layers.parameters():
            weight.grad = torch.randn_like(weight)
        ranks.observe()
    layer = layers[1]
    expected = torch.zeros(RANK)
    for weight, others in ((layer.lora_E["default"], 1), (layer.lora_A["default"], 1), (layer.lora_B["default"], 0)):
        sensitivity, uncertainty = torch.zeros_like(weight), torch.zeros_like(weight)
        for step in range(2):
            torch.manual_seed(step)
            gradients = {id(other): torch.randn_like(other) for other in layers.parameters()}
            now = (weight * gradients[id(weight)]).abs()
            sensitivity = 0.85 * sensitivity + 0.15 * now
            uncertainty = 0.85 * uncertainty + 0.15 * (now - sensitivity).abs()
        expected += (sensitivity * uncertainty).mean(others)
    best = expected.argmax()
    ranks._sensitivity[:3] = [torch.zeros_like(tensor) for tensor in ranks._sensitivity[:3]]  # the other layer's
    ranks.keep(1)
    assert ranks.kept.nonzero().tolist() == [[RANK + int(best)]]


def test_a_gradient_that_is_missing_or_not_finite_leaves_what_was_known() -> None:
    layers = network()
    ranks = RankAllocation(layers)
    with_gradients(layers, torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    ranks.observe()
    before = [tensor.clone() for tensor in ranks.state_dict()["sensitivity"]]
    with_gradients(layers, torch.full((6,), torch.inf))
    for weight in layers.parameters():
        if weight.grad is not None and not weight.grad.isinf().any():
            weight.grad = None
    ranks.observe()
    assert all(map(torch.equal, ranks.state_dict()["sensitivity"], before))


def test_what_is_not_kept_is_held_at_zero_and_a_restored_allocation_goes_on_alike() -> None:
    layers = network()
    ranks = RankAllocation(layers)
    with_gradients(layers, torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    ranks.observe()
    ranks.keep(2)
    restored = RankAllocation(layers)
    restored.load_state_dict(ranks.state_dict())
    with torch.no_grad():
        layers[0].lora_E["default"].add_(1.0)
    restored.hold()
    assert layers.state_dict()["0.lora_E.default"].squeeze(1).tolist() == [0.0, 0.0, 0.0]
    ranks.keep(4)
    restored.keep(4)
    assert torch.equal(ranks.kept, restored.kept)


def test_directions_that_are_orthonormal_do_not_overlap() -> None:
    layers = network()
    ranks = RankAllocation(layers)
    assert ranks.overlap().item() == pytest.approx(RANK**0.5, rel=0.01)  # of almost nothing, to the identity
    for layer in layers:
        nn.init.orthogonal_(layer.lora_A["default"])
        nn.init.orthogonal_(layer.lora_B["default"])
    assert ranks.overlap().item() == pytest.approx(0, abs=1e-5)


def test_the_budget_falls_along_a_cubic_from_first_to_last() -> None:
    budgets = [budget_at(step, start=100, target=20, first=10, last=20) for step in range(25)]
    assert budgets[:11] == [100] * 11
    assert budgets[15] == 30  # 20 + 80 / 8
    assert budgets[20:] == [20] * 5
    assert budgets == sorted(budgets, reverse=True)
