"""Counting the multiply-accumulate operations of a network."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def count_macs(network: nn.Module, inputs: Sequence[Tensor]) -> int:
    """Multiply-accumulate operations for one item: those of convolutions, matrix products, LSTMs and attention.

    Counted while a copy runs on the CPU, where all of them can be seen. A network without memory, on torch's meta
    device, does too if nothing in it depends on values.

    Args:
        inputs: the network's inputs, (B, …) each. The count can depend on their sizes.
    """
    first = next((tensor for tensor in network.state_dict().values()), inputs[0])
    device = "meta" if first.is_meta else "cpu"
    copied = copy.deepcopy(network).to(device).eval()
    with torch.no_grad(), _only_plain_products(), FlopCounterMode(display=False) as counter:
        copied(*(tensor.to(device) for tensor in inputs))
    return counter.get_total_flops() // (2 * len(inputs[0]))


@contextmanager
def _only_plain_products() -> Iterator[None]:
    """Without the fused kernels, in which torch does not count an LSTM's and, on a CPU, an attention's products."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "TF32 acceleration on top of oneDNN"
        )  # what setting the flags touches as well
        with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
            yield
