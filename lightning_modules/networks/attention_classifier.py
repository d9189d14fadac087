"""Texts read all at once: self-attention (Vaswani et al. 2017) over vectors of tokens and their positions."""

from math import gcd, log

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.text_classifier import ReaderSizes, TextClassifier

MOST_HEADS = 4
LONGEST_WAVE = 10_000  # tokens


class AttentionClassifier(TextClassifier):
    """Reads with a stack of self-attention layers; one that is not bidirectional looks back only."""

    def build_reader(self, sizes: ReaderSizes) -> int:
        width = sizes.hidden_size
        self.looks_ahead = sizes.bidirectional
        self.enter = nn.Linear(sizes.embedding_dim, width)
        self.layers = nn.ModuleList(AttentionLayer(width, sizes.feedforward_size) for _ in range(sizes.num_layers))
        self.between = nn.Dropout(sizes.dropout)
        self.norm = nn.LayerNorm(width)
        return width

    def read(self, embedded: Tensor, lengths: Tensor) -> list[Tensor]:
        steps = torch.arange(embedded.shape[1], device=embedded.device)
        seen = (steps < lengths[:, None])[:, None, None]  # (B, 1, 1, T): no token looks at padding
        if not self.looks_ahead:
            seen = seen & (steps <= steps[:, None])
        states = self.enter(self.word_dropout(embedded) + sinusoids(steps, embedded.shape[2]).to(embedded.dtype))
        for place, layer in enumerate(self.layers):
            states = layer(self.between(states) if place else states, seen)
        return [self.norm(states)]


class AttentionLayer(nn.Module):
    """Attention, then a perceptron for each token, both added to normalised states (Xiong et al. 2020).

    Args:
        size: width of the states.
        feedforward_size: width inside the perceptron.
    """

    def __init__(self, size: int, feedforward_size: int) -> None:
        super().__init__()
        self.heads = gcd(size, MOST_HEADS)
        self.attention_norm = nn.LayerNorm(size)
        self.queries_keys_values = nn.Linear(size, 3 * size)
        self.joined = nn.Linear(size, size)
        self.feedforward_norm = nn.LayerNorm(size)
        self.widen = nn.Linear(size, feedforward_size)
        self.narrow = nn.Linear(feedforward_size, size)

    def forward(self, states: Tensor, seen: Tensor) -> Tensor:
        """States (B, T, size); ``seen`` is bool, (B, 1, 1 or T, T), true where a token may look at another."""
        projected = self.queries_keys_values(self.attention_norm(states))
        queries, keys, values = projected.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        states = states + self.joined(attended.transpose(1, 2).flatten(2))
        return states + self.narrow(F.relu(self.widen(self.feedforward_norm(states))))


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Waves of rising length, float32 (T, width), that tell positions (T,) apart (Vaswani et al. 2017, §3.5)."""
    pairs = torch.arange(-(-width // 2), device=positions.device)
    angles = positions[:, None] * torch.exp(pairs * (-2 * log(LONGEST_WAVE) / width))
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]
