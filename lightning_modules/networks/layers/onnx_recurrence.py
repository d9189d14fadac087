"""Recurrent networks as the operators that ONNX has for them.

torch's own exporter traces LSTMs and GRUs of one layer only with a text length left free, and plain recurrent networks
not at all.
"""

import torch
from torch import Tensor, nn

# Where ONNX has the gates that torch has first, second, …: input, output, forget, cell; update, reset, new.
GATES = {nn.LSTM: (0, 3, 1, 2), nn.GRU: (1, 0, 2), nn.RNN: (0,)}
ATTRIBUTES: dict[type[nn.RNNBase], dict[str, int]] = {nn.LSTM: {}, nn.GRU: {"linear_before_reset": 1}, nn.RNN: {}}


def onnx_states(network: nn.RNNBase, tokens: Tensor) -> Tensor:
    """States (B, T, H) of the last layer for tokens (B, T, E), while torch.onnx.export traces the network.

    Args:
        network: batch_first, in one direction, with biases, without projections; a plain one with tanh.
    """
    kind = next(kind for kind in GATES if isinstance(network, kind))
    states = tokens.transpose(0, 1)
    zeros = tokens.new_zeros(1, tokens.shape[0], network.hidden_size)  # `len` would fix the number of texts
    for weights in network.all_weights:
        of_inputs, of_states, *biases = (_reordered(weight, GATES[kind]) for weight in weights)
        starts = [zeros, zeros] if kind is nn.LSTM else [zeros]
        read = torch.onnx.ops.symbolic(
            kind.__name__,
            [states, of_inputs[None], of_states[None], torch.cat(biases)[None], None, *starts],
            {"hidden_size": network.hidden_size, **ATTRIBUTES[kind]},
            dtype=tokens.dtype,
            shape=(states.shape[0], 1, states.shape[1], network.hidden_size),
        )
        states = read[:, 0]
    return states.transpose(0, 1)


def _reordered(weight: Tensor, gates: tuple[int, ...]) -> Tensor:
    """The rows of a weight or bias (gates * H, …), gate by gate in another order.

    One lookup, which the exporter works out beforehand: it leaves chunks to be joined again at each call.
    """
    units = len(weight) // len(gates)
    return weight[torch.tensor([gate * units + unit for gate in gates for unit in range(units)])]
