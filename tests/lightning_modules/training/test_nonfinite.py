from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.training.nonfinite import cause_in, first_nonfinite, named_items, poisoned
from tests.tiny_task import TinyBatch, TinyModel


def batch(size: int = 4) -> TinyBatch:
    return TinyBatch(torch.ones(size, 4), torch.zeros(size, dtype=torch.int64), torch.arange(10, 10 + size))


def test_the_first_module_whose_output_is_not_finite_is_found_with_its_items() -> None:
    model, points = TinyModel().eval(), batch()
    torch.nn.init.constant_(model.get_parameter("network.0.weight"), 2.0)
    points.points[2] = 3e38  # the input is finite; its products are not
    place, rows = first_nonfinite(model, points)
    assert place == "the output of network.0 (Linear)"
    assert rows.tolist() == [False, False, True, False]
    assert cause_in(points, model, of_loss=False) == f"{place} is not finite for training item 12"


def test_an_input_and_a_weight_are_blamed_before_what_follows_from_them() -> None:
    model, points = TinyModel(), batch()
    points.points[1, 0] = torch.nan
    assert cause_in(points, model, of_loss=True) == "the input is not finite for training item 11"
    with torch.no_grad():
        model.get_parameter("network.3.bias")[0] = torch.inf
    assert cause_in(points, model, of_loss=True) == "network.3.bias is not finite"


def test_a_loss_alone_is_blamed_where_all_before_it_is_finite() -> None:
    assert cause_in(batch(), TinyModel(), of_loss=True) == "the loss is not finite for training items 10, 11, 12, 13"
    assert cause_in(batch(), TinyModel(), of_loss=False) == ""


def test_looking_changes_neither_buffers_nor_random_generators() -> None:
    model = TinyModel()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    first_nonfinite(model, batch())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize(("value", "found"), [(torch.nan, "scale"), (torch.inf, None), (1.0, None)])
def test_a_buffer_may_be_infinite_but_no_nan(value: float, found: str | None) -> None:
    module = nn.Linear(2, 2)
    module.register_buffer("scale", torch.tensor([value]))
    assert poisoned(module) == found


def test_a_parameter_may_not_be_infinite() -> None:
    module = nn.Linear(2, 2)
    with torch.no_grad():
        module.bias[1] = -torch.inf
    assert poisoned(module) == "bias"


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (torch.tensor([7]), "training item 7"),
        (torch.arange(12), "training items 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (12 in all)"),
    ],
)
def test_items_are_named_by_their_position(index: Tensor, text: str) -> None:
    assert named_items(index) == text
