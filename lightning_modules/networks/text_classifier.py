"""The base of networks that read texts: token vectors, states pooled over the real tokens, a head."""

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Pooling = Literal["last", "mean_max"]
EMBEDDING_STD = 0.1
TOKENS_STEP = 1024  # a CPU compiles and keeps a kernel, of a megabyte, for every number of rows that it multiplies


class ReaderSizes(NamedTuple):
    """Sizes of what reads, as the arguments of a ``TextClassifier``.

    Attributes:
        embedding_dim: width of the tokens' vectors.
        dropout: between stacked layers.
    """

    embedding_dim: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    dropout: float
    feedforward_size: int


class TextClassifier(nn.Module, ABC):
    """Embeds tokens, reads them, pools the states and classifies them; how it reads is left to say.

    Args:
        num_classes: width of the logits; 1 for a value.
        vocabulary_size: number of token ids, 0 (padding) and 1 (unknown) included.
        hidden_size: width of a state.
        num_layers: depth of the reader.
        bidirectional: whether a state follows from the later tokens too.
        pooling: `"last"` takes the state of the last real token; `"mean_max"` joins the mean and the maximum over the
            real tokens (Howard & Ruder 2018).
        dropout: probability in [0, 1) of dropping a pooled feature, and a state between stacked layers.
        word_dropout: probability in [0, 1) of dropping a whole token's vector (Gal & Ghahramani 2016).
        pretrained_dim: width of a table of pretrained token vectors, which stays fixed and is projected to
            `embedding_dim` (see `load_word_vectors`); without it the embedding is learnt.
        feedforward_size: width inside a perceptron, for a reader with perceptrons; twice `hidden_size` when unset.

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
        feedforward_size: int | None = None,
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
        inner = feedforward_size or 2 * hidden_size
        reader = ReaderSizes(embedding_dim, hidden_size, num_layers, bidirectional, dropout, inner)
        width = self.build_reader(reader)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width * (2 if pooling == "mean_max" else 1), num_classes)
        with torch.no_grad():
            self.embedding.weight.normal_(std=EMBEDDING_STD)[0].zero_()

    @abstractmethod
    def build_reader(self, sizes: ReaderSizes) -> int:
        """Add the layers that read. Returns the width of all states of a token together."""

    @abstractmethod
    def read(self, embedded: Tensor, lengths: Tensor) -> list[Tensor]:
        """States, each (B, T, H), of tokens (B, T, E) of which the first `lengths[b]` are real; those first in each."""

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
        pool = _last_state if self.pooling == "last" else _mean_max
        pooled = [pool(states, lengths) for states in self.read(self._embed(input_ids), lengths)]
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


def _last_state(states: Tensor, lengths: Tensor) -> Tensor:
    return states[torch.arange(len(states), device=states.device), lengths - 1]


def _mean_max(states: Tensor, lengths: Tensor) -> Tensor:
    # The order of the states does not matter to either, so a backward direction is never turned round again.
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
