"""How much a network computes."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_macs(network: nn.Module, inputs: Sequence[Tensor]) -> int:
    """Multiply-accumulate operations for one item: those of convolutions, matrix products and attention.

    Nothing is computed: a copy without memory runs on inputs without memory.

    Args:
        inputs: the network's inputs, (B, …) each. The count can depend on their sizes.
    """
    empty = copy.deepcopy(network).to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        empty(*(tensor.to("meta") for tensor in inputs))
    return counter.get_total_flops() // (2 * len(inputs[0]))
