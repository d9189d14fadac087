"""Embeddings, LSTMs and their reader, rounded as ONNX Runtime's kernels do (see lightsmith/exports/int8_rows.py)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.attention_classifier import AttentionClassifier
from lightning_modules.networks.layers.rounding import rounded, rounded_between, rounded_rows_of
from lightning_modules.networks.recurrent_classifiers import GRUClassifier, LSTMClassifier, RNNClassifier
from lightning_modules.networks.text_classifier import TextClassifier

LARGEST_STATE = 1.0  # a sigmoid times a tanh
State = tuple[Tensor, Tensor]  # hidden, cell


class QuantizedEmbedding(nn.Embedding):
    """Looks up vectors of a table that is rounded as a whole."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # what torch calls it
        return rounded_rows_of(self.weight, super().forward(input))


class QuantizedEmbeddingBag(nn.EmbeddingBag):
    """Adds up rows of a table that is rounded as a whole."""

    def forward(
        self,
        input: Tensor,  # noqa: A002
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        table = rounded_rows_of(self.weight, self.weight)
        return F.embedding_bag(input, table, offsets, mode=self.mode, per_sample_weights=per_sample_weights)


class QuantizedLSTM(nn.LSTM):
    """Rounds its matrices per row, and its states within -1…1 wherever they are multiplied with one.

    Its inputs are rounded by whoever knows what they can be. Takes texts first, in one direction, without projections.
    """

    def forward(self, input: Tensor, hx: State | None = None) -> tuple[Tensor, State]:  # type: ignore[override]  # noqa: A002
        zeros = input.new_zeros(self.num_layers, len(input), self.hidden_size)
        states, ends = input, []
        for layer, start in enumerate(zip(*(hx or (zeros, zeros)), strict=True)):
            if layer:
                states = F.dropout(rounded_between(states, LARGEST_STATE), self.dropout, self.training)
            states, end = self._read(states, layer, start)
            ends.append(end)
        hidden, cells = (torch.stack(parts) for parts in zip(*ends, strict=True))
        return states, (hidden, cells)

    def _read(self, inputs: Tensor, layer: int, start: State) -> tuple[Tensor, State]:
        """States (B, T, H) of a layer, and its last; its kernel shows none of them before the end."""
        of_inputs, of_states, *biases = self.all_weights[layer]
        bias = biases[0] + biases[1] if biases else None
        products, recurrent = F.linear(inputs, rounded(of_inputs), bias), rounded(of_states)
        hidden, cell = start
        states = []
        for product in products.unbind(1):
            gates = product + F.linear(rounded_between(hidden, LARGEST_STATE), recurrent)
            taken, kept, candidate, shown = gates.float().chunk(4, dim=1)
            cell = kept.sigmoid() * cell + taken.sigmoid() * candidate.tanh()
            hidden = shown.sigmoid() * cell.tanh()
            states.append(hidden)
        return torch.stack(states, dim=1), (hidden, cell)


class QuantizedGRU(nn.GRU):
    """Rounds its matrices per row, and nothing else: ONNX Runtime has no int8 kernel for it. Takes texts first."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]  # noqa: A002
        return torch.gru(*_rounded_recurrence(self, input, hx))


class QuantizedRNN(nn.RNN):
    """Rounds the matrices of a plain recurrent network with tanh per row, and nothing else, as QuantizedGRU does."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]  # noqa: A002
        return torch.rnn_tanh(*_rounded_recurrence(self, input, hx))


def _rounded_recurrence(network: nn.RNNBase, inputs: Tensor, start: Tensor | None) -> tuple[Any, ...]:
    """The weights in the order that torch's function for a recurrent network takes, matrices rounded per row."""
    inputs = inputs.float()
    if start is None:
        start = inputs.new_zeros(network.num_layers, len(inputs), network.hidden_size)
    weights = [rounded(w) if w.ndim > 1 else w for layer in network.all_weights for w in layer]
    return inputs, start, weights, network.bias, network.num_layers, network.dropout, network.training, False, True


class QuantizedLSTMClassifier(LSTMClassifier):
    """Rounds what its LSTMs read within the largest magnitude that any token's vector has."""

    def _embed(self, input_ids: Tensor) -> Tensor:
        table = _projected(self)
        return rounded_between(_rounded_if_folded(self, super()._embed(input_ids)), table.float().abs().amax())


class QuantizedGRUClassifier(GRUClassifier):
    """Rounds the table that its tokens are looked up in."""

    def _embed(self, input_ids: Tensor) -> Tensor:
        return _rounded_if_folded(self, super()._embed(input_ids))


class QuantizedRNNClassifier(RNNClassifier):
    """Rounds the table that its tokens are looked up in."""

    def _embed(self, input_ids: Tensor) -> Tensor:
        return _rounded_if_folded(self, super()._embed(input_ids))


class QuantizedAttentionClassifier(AttentionClassifier):
    """Rounds the table that its tokens are looked up in."""

    def _embed(self, input_ids: Tensor) -> Tensor:
        return _rounded_if_folded(self, super()._embed(input_ids))


def _projected(reader: TextClassifier) -> Tensor:
    """The vectors (vocabulary, E) of all tokens, as the reader takes them."""
    vectors: Tensor = reader.projection(reader.embedding.weight.detach()).detach()
    return vectors


def _rounded_if_folded(reader: TextClassifier, vectors: Tensor) -> Tensor:
    return rounded_rows_of(_projected(reader), vectors) if is_folded(reader) else vectors


def is_folded(reader: TextClassifier) -> bool:
    """Return whether an export multiplies a table with its projection into one, which is rounded once."""
    projection = reader.projection
    return isinstance(projection, nn.Linear) and projection.out_features <= projection.in_features


QUANTIZED_READERS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Embedding: QuantizedEmbedding,
    nn.EmbeddingBag: QuantizedEmbeddingBag,
    nn.LSTM: QuantizedLSTM,
    nn.GRU: QuantizedGRU,
    nn.RNN: QuantizedRNN,
    LSTMClassifier: QuantizedLSTMClassifier,
    GRUClassifier: QuantizedGRUClassifier,
    RNNClassifier: QuantizedRNNClassifier,
    AttentionClassifier: QuantizedAttentionClassifier,
}
