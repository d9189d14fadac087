"""Training with the rounding of int8 (Jacob et al. 2018), in place: no parameter gets another name."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.layers.quantized_reader import QUANTIZED_READERS, is_folded
from lightning_modules.networks.layers.rounding import InputRange, RowRange, rounded
from lightning_modules.networks.text_classifier import TextClassifier


class QuantizedConv2d(nn.Conv2d):
    """A convolution of rounded inputs with weights that are rounded per output channel.

    A norm that follows needs no folding first: scaling a channel scales its rounding too.
    """

    input_range: InputRange

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # what torch calls it
        return self._conv_forward(self.input_range(input), rounded(self.weight), self.bias)


class QuantizedLinear(nn.Linear):
    """A linear layer of rounded inputs with weights that are rounded per output feature."""

    input_range: InputRange | RowRange

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return F.linear(self.input_range(input), rounded(self.weight), self.bias)


QUANTIZED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: QuantizedConv2d,
    nn.Linear: QuantizedLinear,
    **QUANTIZED_READERS,
}


def is_fake_quantized(network: nn.Module) -> bool:
    """Return whether ``fake_quantize`` was done to a network."""
    return any(type(module) in QUANTIZED.values() for module in network.modules())


def fake_quantize(network: nn.Module) -> None:
    """Let a network compute as its int8 export will: linear, recurrent, convolutional layers, embeddings, sums, means.

    Where there are embeddings, each row of a linear's inputs is rounded within its own range, elsewhere within a range
    that is learnt, in buffers called ``input_range``. There, what residual blocks add up and what a pooling takes the
    mean of is rounded too. A sum elsewhere is not, and stays exact in the export.

    Raises:
        ValueError: nothing to quantize, a recurrent layer that cannot be, or it was done before.
    """
    if is_fake_quantized(network):
        raise ValueError("the network is fake-quantized already")
    modules = list(network.modules())
    folded = _folded(modules)
    found = [module for module in modules if type(module) in QUANTIZED and module not in folded]
    if not found:
        raise ValueError("the network has no convolution, linear, embedding or recurrent layer to quantize")
    by_row = any(isinstance(module, nn.Embedding | nn.EmbeddingBag) for module in modules)
    for module in found:
        _check_directions(module)
        module.__class__ = QUANTIZED[type(module)]
        if isinstance(module, QuantizedConv2d | QuantizedLinear):
            module.input_range = RowRange() if by_row else InputRange()
            module.input_range.to(module.weight.device).train(module.training)
    if not by_row:
        _round_sums(modules, device=next(network.parameters()).device)


def _round_sums(modules: list[nn.Module], device: torch.device) -> None:
    from lightning_modules.networks.layers.quantized_sums import SUMMING  # torchvision takes a second

    for module in modules:
        if (quantized := SUMMING.get(type(module))) is not None:
            module.__class__ = quantized
            for name in quantized.ranges:  # type: ignore[attr-defined]  # each of them says which it has
                module.add_module(name, InputRange().to(device).train(module.training))


def _check_directions(module: nn.Module) -> None:
    if isinstance(module, nn.RNNBase) and (module.bidirectional or module.proj_size or not module.batch_first):
        raise ValueError(
            "a recurrent layer is trained for int8 with batch_first=True, bidirectional=False and proj_size=0: let one "
            "read each direction, as LSTMClassifier does"
        )


def _folded(modules: list[nn.Module]) -> list[nn.Module]:
    """Tables and their projections that an export multiplies into one table."""
    readers = [module for module in modules if isinstance(module, TextClassifier) and is_folded(module)]
    return [module for reader in readers for module in (reader.embedding, reader.projection)]


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
        if isinstance(module, InputRange | RowRange):
            parent, _, own = name.rpartition(".")
            delattr(network.get_submodule(parent), own)
    for module in network.modules():
        if (plain := _plain(type(module))) is not None:
            module.__class__ = plain
    return ranges


def _plain(quantized: type[nn.Module]) -> type[nn.Module] | None:
    """The class that ``fake_quantize`` put this one in the place of, if any."""
    return quantized.__bases__[0] if quantized in QUANTIZED.values() or hasattr(quantized, "ranges") else None
