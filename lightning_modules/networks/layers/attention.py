"""Self-attention for transformers' encoders that is fast where torch's own kernel is slow: bf16 training on CPUs."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from lightning_modules.networks.layers.dropout import FastDropout

NAME = "bf16_matmul_on_cpu"  # for attn_implementation


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention (Vaswani et al. 2017, §3.2.1), as transformers' attention interface wants it.

    On a CPU in bf16 it is two batched matrix products and a softmax in bf16, whose backward takes a quarter of the time
    of torch's flash kernel; everything else goes to ``scaled_dot_product_attention``.

    Args:
        query, key, value: (B, heads, T, head_size).
        attention_mask: bool, broadcastable to (B, 1, T, T), true where a token may be looked at; equal in all rows.

    Returns:
        (B, T, heads, head_size), and None for the weights, which are not kept.
    """
    if query.device.type != "cpu" or query.dtype != torch.bfloat16 or getattr(module, "is_causal", False):
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
    scores = (query * (scaling or query.shape[-1] ** -0.5)) @ key.transpose(2, 3)
    if attention_mask is not None:
        hidden = ~attention_mask[:, :, :1]  # (B, 1, 1, T); added in place, as masking would copy in the backward
        scores += torch.zeros_like(hidden, dtype=scores.dtype).masked_fill_(hidden, torch.finfo(scores.dtype).min)
    weights = FastDropout(dropout)(scores.softmax(-1))
    return (weights @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
