"""Muon's updates are orthogonal, of AdamW's size, and remembered across a restart."""

import copy

import pytest
import torch
from torch import nn

from lightning_modules.muon import ADAM_RMS, Muon, orthogonalize


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16), (1, 30)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, int], dtype: torch.dtype) -> None:
    matrix = torch.randn(shape)
    made = orthogonalize(matrix.to(dtype)).float()
    assert ((torch.linalg.svdvals(made) - 1).abs() < 0.5).all()
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    inner = u.T @ made @ vh.T  # diagonal if only the singular values have changed
    assert (inner - inner.diagonal().diag()).abs().max() < (1e-3 if dtype == torch.float32 else 0.1)


@pytest.mark.parametrize("shape", [(16, 8, 3, 3), (32, 64), (64, 32), (100,)])
def test_an_update_has_the_size_of_one_of_adamw(shape: tuple[int, ...]) -> None:
    parameter = nn.Parameter(torch.zeros(shape))
    optimizer = Muon([parameter], lr=0.1, momentum=0.9)
    parameter.grad = torch.randn(shape) * 1e-4
    optimizer.step()
    assert parameter.square().mean().sqrt().item() == pytest.approx(ADAM_RMS * 0.1, rel=0.35)


def test_a_convolution_is_updated_as_the_matrix_of_its_filters() -> None:
    convolution = nn.Parameter(torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last))
    matrix = nn.Parameter(convolution.detach().flatten(1).clone())
    for parameter in (convolution, matrix):
        torch.manual_seed(1)
        optimizer = Muon([parameter], lr=0.1, momentum=0.9, weight_decay=0.1)
        for _ in range(3):
            parameter.grad = torch.randn(8, 36).view_as(parameter)
            optimizer.step()
    torch.testing.assert_close(convolution.flatten(1), matrix)


def test_weight_decay_shrinks_by_the_learning_rate_alone() -> None:
    parameter = nn.Parameter(torch.full((2, 2), 3.0))
    parameter.grad = torch.zeros(2, 2)
    Muon([parameter], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(parameter.detach(), torch.full((2, 2), 3.0 * 0.95))


def test_what_has_no_gradient_stays() -> None:
    parameter = nn.Parameter(torch.ones(3, 3))
    Muon([parameter], lr=0.1, weight_decay=0.5).step()
    assert (parameter == 1).all()


def test_a_restored_optimizer_goes_on_as_if_it_had_never_stopped() -> None:
    parameter = nn.Parameter(torch.randn(6, 4))
    optimizer = Muon([parameter], lr=0.1, momentum=0.9)
    gradients = torch.randn(4, 6, 4)
    for step, gradient in enumerate(gradients):
        if step == 2:
            restored = nn.Parameter(parameter.detach().clone())
            other = Muon([restored], lr=0.5)
            other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        if step >= 2:
            restored.grad = gradient
            other.step()
        parameter.grad = gradient
        optimizer.step()
    assert torch.equal(parameter, restored)
