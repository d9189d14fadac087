"""An LSTM reader for text classification (Hochreiter & Schmidhuber 1997), with padding masked exactly."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Pooling = Literal["last", "mean_max"]
FORGET_BIAS = 1.0  # Jozefowicz et al. 2015: gates that start open carry gradients through long reviews
EMBEDDING_STD = 0.1
TOKENS_STEP = 1024  # a CPU compiles and keeps a kernel, of a megabyte, for every number of rows that it multiplies


class LSTMClassifier(nn.Module):
    """Embeds tokens, reads them with one LSTM a direction, pools the states and classifies them.

    The tutorials' model is `vocabulary_size=10_000, embedding_dim=64, hidden_size=128, bidirectional=False,
    pooling="last", dropout=0.0, word_dropout=0.0`.

    Args:
        num_classes: width of the logits, at least 2.
        vocabulary_size: number of token ids, 0 (padding) and 1 (unknown) included.
        hidden_size: state width of each direction.
        num_layers: depth of each direction's stack; stacked directions read independently (as in ELMo).
        pooling: `"last"` takes each direction's state after its last real token; `"mean_max"` joins the mean and the
            maximum over the real tokens (Howard & Ruder 2018).
        dropout: probability in [0, 1) of dropping a pooled feature, and a state between stacked layers.
        word_dropout: probability in [0, 1) of dropping a whole token's vector (Gal & Ghahramani 2016).
        pretrained_dim: width of a table of pretrained token vectors, which stays fixed and is projected to
            `embedding_dim` (see `load_word_vectors`); without it the embedding is learnt.

    Raises:
        ValueError: for an argument outside its range.
    """

    def __init__(
        self,
        num_classes: int,
        vocabulary_size: int = 20_000,
        embedding_dim: int = 128,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: Pooling = "mean_max",
        dropout: float = 0.5,
        word_dropout: float = 0.2,
        pretrained_dim: int | None = None,
    ) -> None:
        super().__init__()
        sizes = {"vocabulary_size": vocabulary_size, "num_classes": num_classes}
        sizes |= {"embedding_dim": embedding_dim, "hidden_size": hidden_size, "num_layers": num_layers}
        _check_arguments(sizes, {"dropout": dropout, "word_dropout": word_dropout}, pooling)
        self.pooling = pooling
        self.pretrained_dim = pretrained_dim
        self.embedding = nn.Embedding(vocabulary_size, pretrained_dim or embedding_dim, padding_idx=0)
        self.embedding.weight.requires_grad = pretrained_dim is None
        self.projection = nn.Linear(pretrained_dim, embedding_dim, bias=False) if pretrained_dim else nn.Identity()
        self.word_dropout = nn.Dropout1d(word_dropout)
        # One unidirectional LSTM a direction, unpacked: packed sequences miss oneDNN's fused path on CPU.
        self.lstms = nn.ModuleList(
            nn.LSTM(
                embedding_dim, hidden_size, num_layers, batch_first=True, dropout=dropout if num_layers > 1 else 0.0
            )
            for _ in range(2 if bidirectional else 1)
        )
        pooled_size = len(self.lstms) * hidden_size * (2 if pooling == "mean_max" else 1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(pooled_size, num_classes)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        with torch.no_grad():
            self.embedding.weight.normal_(std=EMBEDDING_STD)[0].zero_()
            for name, parameter in self.lstms.named_parameters():
                if "bias_ih" in name or "bias_hh" in name:
                    parameter.zero_()
                if "bias_ih" in name:
                    parameter.chunk(4)[1].fill_(FORGET_BIAS)  # gate order: input, forget, cell, output

    def load_word_vectors(self, table: Tensor) -> None:
        """Fill the fixed embedding from a table (vocabulary_size, pretrained_dim), standardised as a whole."""
        with torch.no_grad():
            centred = table - table.mean(0)
            self.embedding.weight.copy_(centred / centred.std())[0].zero_()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (B, num_classes) from right-padded ids (B, T) int64 and their mask (B, T), 1 on real tokens.

        A text without tokens is read as one padding token.
        """
        lengths = attention_mask.sum(1).clamp(min=1)
        embedded = self._embed(input_ids)  # once: what is done to a token's vector, both directions read
        orders = [embedded, reverse_within_length(embedded, lengths)] if len(self.lstms) > 1 else [embedded]
        embedded = self.word_dropout(torch.cat(orders))  # (directions * B, T, E)
        pool = _last_state if self.pooling == "last" else _mean_max
        pooled = [
            pool(_read(lstm, tokens), lengths)
            for lstm, tokens in zip(self.lstms, embedded.unflatten(0, (len(self.lstms), -1)), strict=True)
        ]
        features = torch.cat(pooled, dim=1).to(self.head.weight.dtype)  # not theirs in 64-true and bf16-true
        logits: Tensor = self.head(self.dropout(features))
        return logits

    def _embed(self, input_ids: Tensor) -> Tensor:
        """Vectors (…, E) of ids: each distinct token is looked up and projected once."""
        # On a GPU, counting the distinct ones would keep the host waiting; an exported graph cannot depend on their
        # number; a hook may tell equal tokens apart.
        if input_ids.is_cuda or torch.compiler.is_exporting() or self.embedding._forward_hooks:
            return self.projection(self.embedding(input_ids))
        tokens, positions = input_ids.unique(return_inverse=True)
        tokens = F.pad(tokens, (0, -len(tokens) % TOKENS_STEP))
        return F.embedding(positions, self.projection(self.embedding(tokens)))


def _read(lstm: nn.Module, tokens: Tensor) -> Tensor:
    """States (B, T, H) of an LSTM; in float32 where autocast asks for bf16 and the CPU has no kernel for it."""
    if tokens.is_cpu and torch.is_autocast_enabled("cpu") and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        with torch.autocast("cpu", enabled=False):
            states: Tensor = lstm(tokens.float())[0]
    else:
        states = lstm(tokens)[0]
    return states


def reverse_within_length(vectors: Tensor, lengths: Tensor) -> Tensor:
    """Each text of (B, T, E) with its first `lengths[b]` vectors reversed and its padding still last."""
    texts, steps, _ = vectors.shape
    positions = lengths[:, None] - 1 - torch.arange(steps, device=vectors.device)
    positions = torch.where(positions < 0, positions + steps, positions)  # `%` cannot be exported
    rows = positions + steps * torch.arange(texts, device=vectors.device)[:, None]
    return F.embedding(rows, vectors.flatten(0, 1))  # whose backward is faster than that of `gather`


def _last_state(states: Tensor, lengths: Tensor) -> Tensor:
    return states[torch.arange(len(states), device=states.device), lengths - 1]


def _mean_max(states: Tensor, lengths: Tensor) -> Tensor:
    # The order of the states does not matter to either, so the backward direction is never turned round again.
    kept = torch.arange(states.shape[1], device=states.device) < lengths[:, None]
    total = torch.bmm(kept[:, None].to(states.dtype), states).squeeze(1)
    highest = states.masked_fill(~kept[:, :, None], -torch.inf).amax(1)
    wide = torch.promote_types(states.dtype, torch.float32)
    return torch.cat([total.to(wide) / lengths[:, None], highest.to(wide)], dim=1)


def _check_arguments(sizes: dict[str, int], probabilities: dict[str, float], pooling: str) -> None:
    for name, size in sizes.items():
        smallest = 2 if name == "vocabulary_size" else 1
        if size < smallest:
            raise ValueError(f"{name} is {size}; use an integer of at least {smallest}.")
    for name, probability in probabilities.items():
        if not 0 <= probability < 1:
            raise ValueError(f"{name} is {probability}; use a probability from 0 up to, not including, 1.")
    if pooling not in ("last", "mean_max"):
        raise ValueError(f'pooling is {pooling!r}; use "last" or "mean_max".')
