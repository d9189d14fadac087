"""A network as a file of torch.export's, which any torch loads without Lightsmith."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.exc import UserError

from lightsmith.exports.quiet import quiet

HALVED = (nn.Conv2d, nn.Linear, nn.Embedding, nn.EmbeddingBag, nn.LSTM)  # norms keep fp32, as in mixed precision


class InBf16(nn.Module):
    """A network that stores and multiplies its matrices in bf16 and gives float32 logits (B, classes)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for module in network.modules():
            if isinstance(module, HALVED):
                module.to(torch.bfloat16)
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            logits: Tensor = self.network(*inputs).float()
        return logits


def write_torch(network: nn.Module, inputs: Mapping[str, Tensor], path: Path) -> None:
    """Write a network in evaluation mode as one .pt2 file.

    Args:
        inputs: as in ``write_onnx``.

    Raises:
        ValueError: a network that torch.export ties to one text length, as it does with LSTMs.
    """
    axes: tuple[Any, ...] = free_axes(inputs)
    if isinstance(network, InBf16):
        axes = (axes,)  # its inputs are one starred argument
    with quiet(), torch.no_grad():
        try:
            program = torch.export.export(network.eval(), tuple(inputs.values()), dynamic_shapes=axes)
        except UserError as error:
            raise ValueError("torch.export would tie this network to one text length: give --format=onnx") from error
        torch.export.save(program, path)


def free_axes(inputs: Mapping[str, Tensor]) -> tuple[dict[int, Any], ...]:
    """The axes of each input that may have any length: the batch's, and the second of ids and masks int64 (B, T)."""
    free = torch.export.Dim.DYNAMIC
    texts = (example.ndim == 2 and example.dtype == torch.int64 for example in inputs.values())
    return tuple({0: free, 1: free} if is_text else {0: free} for is_text in texts)


def load_torch(path: Path) -> Callable[..., Tensor]:
    """Load what ``write_torch`` wrote, in this process; only files of one's own are safe."""
    with quiet():
        loaded: Callable[..., Tensor] = torch.export.load(path).module()
    return loaded
