"""Attention in bf16 on a CPU is torch's own up to rounding, forward and backward."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_modules.networks.layers.attention import attention

MODULE: Any = SimpleNamespace(is_causal=False)


def inputs(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 5, 8).to(dtype).requires_grad_() for _ in range(3))
    return query, key, value


def gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad.double()


@pytest.mark.parametrize("masked", [False, True])
def test_it_is_scaled_dot_product_attention_up_to_rounding(masked: bool) -> None:
    mask = torch.ones(2, 1, 5, 5, dtype=torch.bool)
    mask[1, :, :, 3:] = not masked
    query, key, value = inputs(torch.bfloat16)
    exact_query, exact_key, exact_value = inputs(torch.float64)
    out, weights = attention(MODULE, query, key, value, mask if masked else None)
    expected = F.scaled_dot_product_attention(exact_query, exact_key, exact_value, attn_mask=mask).transpose(1, 2)
    assert weights is None
    assert out.shape == (2, 5, 3, 8)
    torch.testing.assert_close(out.double(), expected, atol=0.03, rtol=0.03)
    out.float().square().sum().backward()
    expected.square().sum().backward()
    for mine, exact in ((query, exact_query), (key, exact_key), (value, exact_value)):
        torch.testing.assert_close(gradient(mine), gradient(exact), atol=0.1, rtol=0.05)
    assert gradient(value)[1, :, 3:].any() != masked  # nothing flows to what was hidden


def test_other_precisions_use_the_kernel_of_torch() -> None:
    query, key, value = inputs(torch.float32)
    out, _ = attention(MODULE, query, key, value, None)
    assert torch.equal(out, F.scaled_dot_product_attention(query, key, value).transpose(1, 2))


def test_dropout_reaches_the_weights() -> None:
    query, key, value = inputs(torch.bfloat16)
    torch.manual_seed(1)
    first, _ = attention(MODULE, query, key, value, None, dropout=0.5)
    second, _ = attention(MODULE, query, key, value, None, dropout=0.5)
    assert not torch.equal(first, second)
