"""Texts read one token after the other: plain recurrent networks, GRUs and LSTMs, with padding masked exactly."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.layers.onnx_recurrence import onnx_states
from lightning_modules.networks.text_classifier import ReaderSizes, TextClassifier

FORGET_BIAS = 1.0  # Jozefowicz et al. 2015: gates that start open carry gradients through long reviews


class RecurrentClassifier(TextClassifier):
    """Reads with one recurrent network a direction; stacked directions read independently (as in ELMo).

    Attributes:
        layer: which network that is.
        layers_name: the attribute that holds one of them for each direction.
    """

    layer: ClassVar[type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]]
    layers_name: ClassVar[str]

    def build_reader(self, sizes: ReaderSizes) -> int:
        # One unidirectional network a direction, unpacked: packed sequences miss oneDNN's fused path on CPU.
        between = sizes.dropout if sizes.num_layers > 1 else 0.0
        directions = nn.ModuleList(
            self.layer(sizes.embedding_dim, sizes.hidden_size, sizes.num_layers, batch_first=True, dropout=between)
            for _ in range(2 if sizes.bidirectional else 1)
        )
        with torch.no_grad():
            self.reset(directions)
        self.add_module(self.layers_name, directions)
        return len(directions) * sizes.hidden_size

    def reset(self, directions: nn.Module) -> None:
        """Set the values that training begins with."""
        for name, parameter in directions.named_parameters():
            if "bias" in name:
                parameter.zero_()

    def read(self, embedded: Tensor, lengths: Tensor) -> list[Tensor]:
        directions = self.get_submodule(self.layers_name)
        assert isinstance(directions, nn.ModuleList)
        orders = [embedded, reverse_within_length(embedded, lengths)] if len(directions) > 1 else [embedded]
        tokens = self.word_dropout(torch.cat(orders))  # (directions * B, T, E)
        return [
            _states(layer, part)
            for layer, part in zip(directions, tokens.unflatten(0, (len(directions), -1)), strict=True)
        ]


class LSTMClassifier(RecurrentClassifier):
    """Long short-term memory (Hochreiter & Schmidhuber 1997).

    The tutorials' model is `vocabulary_size=10_000, embedding_dim=64, hidden_size=128, bidirectional=False,
    pooling="last", dropout=0.0, word_dropout=0.0`.
    """

    lstms: nn.ModuleList
    layer = nn.LSTM
    layers_name = "lstms"

    def reset(self, directions: nn.Module) -> None:
        super().reset(directions)
        for name, parameter in directions.named_parameters():
            if "bias_ih" in name:
                parameter.chunk(4)[1].fill_(FORGET_BIAS)  # gate order: input, forget, cell, output


class GRUClassifier(RecurrentClassifier):
    """Gated recurrent units (Cho et al. 2014)."""

    layer = nn.GRU
    layers_name = "grus"


class RNNClassifier(RecurrentClassifier):
    """Plain recurrent networks with tanh (Elman 1990).

    Their recurrent matrices start orthogonal (Le et al. 2015 give the reason), so that what is read early is neither
    lost nor blown up on the way through a review.
    """

    layer = nn.RNN
    layers_name = "rnns"

    def reset(self, directions: nn.Module) -> None:
        super().reset(directions)
        for name, parameter in directions.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(parameter)


def _states(layer: nn.Module, tokens: Tensor) -> Tensor:
    """States (B, T, H) of a network; in float32 where autocast asks for bf16 and the CPU has no kernel for it."""
    if torch.onnx.is_in_onnx_export():
        assert isinstance(layer, nn.RNNBase)
        return onnx_states(layer, tokens)
    if tokens.is_cpu and torch.is_autocast_enabled("cpu") and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        with torch.autocast("cpu", enabled=False):
            states: Tensor = layer(tokens.float())[0]
    else:
        states = layer(tokens)[0]
    return states


def reverse_within_length(vectors: Tensor, lengths: Tensor) -> Tensor:
    """Each text of (B, T, E) with its first `lengths[b]` vectors reversed and its padding still last."""
    texts, steps, _ = vectors.shape
    positions = lengths[:, None] - 1 - torch.arange(steps, device=vectors.device)
    positions = torch.where(positions < 0, positions + steps, positions)  # `%` cannot be exported
    rows = positions + steps * torch.arange(texts, device=vectors.device)[:, None]
    return F.embedding(rows, vectors.flatten(0, 1))  # whose backward is faster than that of `gather`
