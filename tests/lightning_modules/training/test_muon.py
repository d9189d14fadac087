"""Muon turns convolutions and is SGD on everything else, and remembers across a restart."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from lightning_modules.training.muon import CONVOLUTION_LR, Muon, orthogonalize


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16), (1, 30)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, int], dtype: torch.dtype) -> None:
    matrix = torch.randn(shape)
    made = orthogonalize(matrix.to(dtype)).float()
    u, values, vh = torch.linalg.svd(matrix, full_matrices=False)
    inner = u.T @ made @ vh.T  # diagonal if only the singular values have changed
    assert (inner - inner.diagonal().diag()).abs().max() < (1e-3 if dtype == torch.float32 else 0.1)
    assert ((inner.diagonal() - 1).abs()[values > 0.2 * values[0]] < 0.5).all()


def test_a_convolution_keeps_its_norm_and_moves_by_the_learning_rate_whatever_the_gradient() -> None:
    weight = nn.Parameter(torch.randn(16, 8, 3, 3) * 5)
    optimizer = Muon([weight], lr=0.6)
    weight.grad = torch.randn(16, 8, 3, 3) * 1e-4
    before = weight.detach() * 4 / weight.detach().norm()
    optimizer.step()
    moved = torch.linalg.svdvals((weight.detach() - before).flatten(1)) / (0.6 * CONVOLUTION_LR)
    assert ((moved - 1).abs() < 0.5).all()


def test_a_convolution_is_updated_alike_in_both_memory_formats() -> None:
    plain = nn.Parameter(torch.randn(8, 4, 3, 3))
    last = nn.Parameter(plain.detach().clone(memory_format=torch.channels_last))
    for weight in (plain, last):
        torch.manual_seed(1)
        optimizer = Muon([weight], lr=0.1)
        for _ in range(3):
            weight.grad = torch.randn(8, 4, 3, 3).to(memory_format=torch.contiguous_format)
            optimizer.step()
    torch.testing.assert_close(plain, last)


@pytest.mark.parametrize("shape", [(5, 4), (5,)])
def test_everything_else_is_trained_as_by_nesterov_sgd(shape: tuple[int, ...]) -> None:
    mine, theirs = (nn.Parameter(torch.ones(shape)) for _ in range(2))
    options: dict[str, Any] = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}
    for optimizer in (Muon([mine], **options), torch.optim.SGD([theirs], nesterov=True, **options)):
        torch.manual_seed(2)
        for _ in range(4):
            optimizer.param_groups[0]["params"][0].grad = torch.randn(shape)
            optimizer.step()
    torch.testing.assert_close(mine, theirs)


def test_what_has_no_gradient_stays() -> None:
    weight = nn.Parameter(torch.ones(3, 3, 1, 1))
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    assert (weight == 1).all()


@pytest.mark.parametrize("shape", [(6, 4, 2, 2), (6, 4)])
def test_a_restored_optimizer_goes_on_as_if_it_had_never_stopped(shape: tuple[int, ...]) -> None:
    whole = nn.Parameter(torch.randn(shape))
    optimizer = Muon([whole], lr=0.1)
    for gradient in torch.randn(2, *shape):
        whole.grad = gradient
        optimizer.step()
    restored = nn.Parameter(whole.detach().clone())
    other = Muon([restored], lr=0.5)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for gradient in torch.randn(2, *shape):
        whole.grad = restored.grad = gradient
        optimizer.step()
        other.step()
    assert torch.equal(whole, restored)
