"""Training with the rounding of int8 (Jacob et al. 2018), in place: no parameter gets another name."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchao.quantization.pt2e import FusedMovingAvgObsFakeQuantize, MovingAverageMinMaxObserver

from lightning_modules.networks.lstm_classifier import LSTMClassifier

LARGEST_WEIGHT, LARGEST_ACTIVATION = 127, 255  # int8 without -128, as it is symmetric; uint8
SMALLEST_SCALE = float(torch.finfo(torch.float32).eps)
AVERAGING = 0.01  # share of a batch in the moving average of a range


class InputRange(FusedMovingAvgObsFakeQuantize):  # type: ignore[misc]  # torchao's classes carry no types
    """Rounds to uint8 within a moving average of the range seen in training; in evaluation the range stays."""

    def __init__(self) -> None:
        super().__init__(
            MovingAverageMinMaxObserver,
            quant_min=0,
            quant_max=LARGEST_ACTIVATION,
            dtype=torch.uint8,
            averaging_constant=AVERAGING,
        )

    def forward(self, inputs: Tensor) -> Tensor:
        inputs = inputs.float()
        if self.training:
            return cast(Tensor, super().forward(inputs))
        return torch.fake_quantize_per_tensor_affine(inputs, self.scale, self.zero_point, 0, LARGEST_ACTIVATION)


class BatchRange(nn.Module):
    """Rounds to uint8 within the range that a batch has, 0 included, as ONNX's DynamicQuantizeLinear."""

    def forward(self, inputs: Tensor) -> Tensor:
        inputs = inputs.float()
        low, high = inputs.detach().aminmax()
        low, high = low.clamp(max=0), high.clamp(min=0)
        scale = ((high - low) / LARGEST_ACTIVATION).clamp(min=SMALLEST_SCALE)
        zero = (-low / scale).round().to(torch.int32)
        return torch.fake_quantize_per_tensor_affine(inputs, scale, zero, 0, LARGEST_ACTIVATION)


class QuantizedConv2d(nn.Conv2d):
    """A convolution of rounded inputs with weights that are rounded per output channel.

    A norm that follows needs no folding first: scaling a channel scales its rounding too.
    """

    input_range: InputRange

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # what torch calls it
        return self._conv_forward(self.input_range(input), rounded(self.weight), self.bias)


class QuantizedLinear(nn.Linear):
    """Likewise."""

    input_range: InputRange | BatchRange

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return F.linear(self.input_range(input), rounded(self.weight), self.bias)


class QuantizedEmbedding(nn.Embedding):
    """Looks up vectors of a table that is rounded as a whole."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        scale = (self.weight.detach().abs().amax() / LARGEST_WEIGHT).clamp(min=SMALLEST_SCALE)
        zero = torch.zeros((), dtype=torch.int32, device=scale.device)
        vectors = super().forward(input)  # of a batch: fewer than the table has
        return torch.fake_quantize_per_tensor_affine(vectors, scale, zero, -LARGEST_WEIGHT, LARGEST_WEIGHT)


class QuantizedLSTM(nn.LSTM):
    """Its matrices are rounded per row; what they are multiplied with is not."""

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:  # type: ignore[override]  # noqa: A002
        kept = self._flat_weights
        self._flat_weights = [rounded(weight) if weight is not None and weight.ndim == 2 else weight for weight in kept]
        try:
            return super().forward(input, hx)
        finally:
            self._flat_weights = kept


WEIGHTED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: QuantizedConv2d,
    nn.Linear: QuantizedLinear,
    nn.Embedding: QuantizedEmbedding,
    nn.LSTM: QuantizedLSTM,
}


def is_fake_quantized(network: nn.Module) -> bool:
    """Whether ``fake_quantize`` was done to a network."""
    return any(type(module) in WEIGHTED.values() for module in network.modules())


def fake_quantize(network: nn.Module) -> None:
    """Let a network compute as its int8 export will: convolutions, linears, embeddings, LSTMs, sums and means.

    Where there are embeddings, inputs of linears are rounded within the range of their batch (dynamic), elsewhere
    within a range that is learnt (static), in buffers called ``input_range``. There, what residual blocks add up and
    what a pooling takes the mean of is rounded too. A sum elsewhere is not, and stays exact in the export.

    Raises:
        ValueError: nothing to quantize, or it was done before.
    """
    if is_fake_quantized(network):
        raise ValueError("the network is fake-quantized already")
    modules = list(network.modules())
    merged = _merged(modules)
    found = [module for module in modules if type(module) in WEIGHTED and module not in merged]
    if not found:
        raise ValueError("the network has no convolution, linear, embedding or LSTM to quantize")
    dynamic = any(isinstance(module, nn.Embedding) for module in modules)
    for module in found:
        module.__class__ = WEIGHTED[type(module)]
        if isinstance(module, QuantizedConv2d | QuantizedLinear):
            module.input_range = BatchRange() if dynamic else InputRange()
            module.input_range.to(module.weight.device).train(module.training)
    if not dynamic:
        _round_sums(modules, device=next(network.parameters()).device)


def _round_sums(modules: list[nn.Module], device: torch.device) -> None:
    from lightning_modules.networks.quantized_sums import SUMMING  # torchvision takes a second

    for module in modules:
        if (quantized := SUMMING.get(type(module))) is not None:
            module.__class__ = quantized
            for name in quantized.ranges:  # type: ignore[attr-defined]  # each of them says which it has
                module.add_module(name, InputRange().to(device).train(module.training))


def _merged(modules: list[nn.Module]) -> list[nn.Module]:
    """Tables and their projections, which an export multiplies into one table that is rounded once."""
    readers = [module for module in modules if isinstance(module, LSTMClassifier)]
    projected = [reader for reader in readers if isinstance(reader.projection, nn.Linear)]
    return [module for reader in projected for module in (reader.embedding, reader.projection)]


def freeze_ranges(network: nn.Module) -> None:
    """Let the ranges of inputs stay where they are."""
    for module in network.modules():
        if isinstance(module, InputRange):
            module.disable_observer()


def undo_fake_quantization(network: nn.Module) -> dict[str, tuple[float, int]]:
    """Make a network plain again.

    Returns:
        Scale and zero point of the learnt ranges, by their names, such as "1.head.input_range".
    """
    ranges = {}
    for name, module in list(network.named_modules()):
        if isinstance(module, InputRange):
            ranges[name] = (float(module.scale), int(module.zero_point))
        if isinstance(module, InputRange | BatchRange):
            parent, _, own = name.rpartition(".")
            del network.get_submodule(parent)._modules[own]
    for module in network.modules():
        if (plain := _plain(type(module))) is not None:
            module.__class__ = plain
    return ranges


def _plain(quantized: type[nn.Module]) -> type[nn.Module] | None:
    """The class that ``fake_quantize`` put this one in the place of, if any."""
    return quantized.__bases__[0] if quantized in WEIGHTED.values() or hasattr(quantized, "ranges") else None


def rounded(weight: Tensor) -> Tensor:
    """A weight rounded to int8 symmetrically per channel, which is axis 0: zeros stay zeros."""
    scale = (weight.detach().abs().flatten(1).amax(1) / LARGEST_WEIGHT).clamp(min=SMALLEST_SCALE)
    zeros = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zeros, 0, -LARGEST_WEIGHT, LARGEST_WEIGHT)
