"""Embeddings, LSTMs and their reader, rounded as ONNX Runtime's kernels do (see lightsmith/exports/int8_rows.py)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.layers.rounding import rounded, rounded_between, rounded_rows_of
from lightning_modules.networks.lstm_classifier import LSTMClassifier

LARGEST_STATE = 1.0  # a sigmoid times a tanh
State = tuple[Tensor, Tensor]  # hidden, cell


class QuantizedEmbedding(nn.Embedding):
    """Looks up vectors of a table that is rounded as a whole."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # what torch calls it
        return rounded_rows_of(self.weight, super().forward(input))


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


class QuantizedLSTMClassifier(LSTMClassifier):
    """Rounds what its LSTMs read within the largest magnitude that any token's vector has."""

    def _embed(self, input_ids: Tensor) -> Tensor:
        table = self.projection(self.embedding.weight.detach()).detach()
        vectors = super()._embed(input_ids)
        if is_folded(self):
            vectors = rounded_rows_of(table, vectors)
        return rounded_between(vectors, table.float().abs().amax())


def is_folded(reader: LSTMClassifier) -> bool:
    """Whether an export multiplies a table with its projection into one, which is rounded once."""
    projection = reader.projection
    return isinstance(projection, nn.Linear) and projection.out_features <= projection.in_features
