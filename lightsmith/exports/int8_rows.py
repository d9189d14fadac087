"""int8 for networks on texts in which no text's answer depends on the others of its batch.

ONNX Runtime's dynamic quantization gives all rows of a batch one range, so that what one text is rounded to depends on
another. Here each row of a matrix product has its own range, and an LSTM, whose kernel knows no rows, finds the same
range in every batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from lightsmith.exports.onnx_graph import constant

LARGEST = 127
ZERO = 128  # of uint8, whose products with int8 are the fastest
SMALLEST_MAXIMUM = 1e-30  # of a row, which may be all zeros
SMALLEST_STEP = np.finfo(np.float32).eps  # of a row of weights
OPEN = 30.0  # bias of a gate that is open whatever comes
GATES, CELL = 4, 3  # input, output, forget, cell
KEEPING_VALUES = ("Gather", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Slice")  # those of their first input


class Nodes:
    """New nodes before an existing one: ``nodes("Abs", value)`` adds one and gives its output."""

    def __init__(self, graph: ir.Graph, before: ir.Node) -> None:
        self.graph = graph
        self.before = before
        self.name = f"{before.outputs[0].name}_{before.op_type}"
        self.count = 0

    def __call__(self, op_type: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        node = ir.node(op_type, inputs, attributes, name=self._next_name())
        node.outputs[0].name = node.name
        self.graph.insert_before(self.before, node)
        return node.outputs[0]

    def constant(self, content: Any, dtype: Any) -> ir.Value:
        """Add a constant to the graph, and return it."""
        name = self._next_name()
        value = ir.val(name, const_value=ir.tensor(np.array(content, dtype), name=name))
        self.graph.register_initializer(value)
        return value

    def _next_name(self) -> str:
        self.count += 1
        return f"{self.name}_{self.count}"


def quantize_each_row(graph: ir.Graph) -> None:
    """Round each row (the last axis) of what is multiplied with int8 weights within its own range.

    A row's largest magnitude becomes 127, so that all rows share a zero point, as ``MatMulInteger`` wants it.
    """
    for node in [node for node in graph if node.op_type == "DynamicQuantizeLinear"]:
        rows, (rounded, scale, zero) = node.inputs[0], node.outputs
        product = rounded.consumers()[0]
        assert rows is not None
        nodes = Nodes(graph, node)
        last, flat = nodes.constant([-1], np.int64), nodes.constant([-1, len(constant(product.inputs[1]))], np.int64)
        highest = nodes("ReduceMax", rows, last, keepdims=1)
        lowest = nodes("ReduceMin", rows, last, keepdims=1)
        largest = nodes("Max", highest, nodes("Neg", lowest), nodes.constant(SMALLEST_MAXIMUM, np.float32))
        step = nodes("Div", largest, nodes.constant(LARGEST, np.float32))
        steps = nodes("Reshape", step, last)
        zeros = nodes("Expand", nodes.constant([ZERO], np.uint8), nodes("Shape", steps))
        matrix = nodes("QuantizeLinear", nodes("Reshape", rows, flat), steps, zeros, axis=0)
        rounded.replace_all_uses_with(nodes("Reshape", matrix, nodes("Shape", rows)))
        zero.replace_all_uses_with(nodes.constant(ZERO, np.uint8))
        for scales in scale.consumers():
            _scale_rows(graph, scales, step)
        graph.remove(node, safe=True)


def _scale_rows(graph: ir.Graph, scales: ir.Node, step: ir.Value) -> None:
    """Multiply a product by its rows' steps first and by its columns' after, not by both in one matrix."""
    (columns,) = (value for value in scales.inputs if value is not None and value.is_initializer())
    for scaling in scales.outputs[0].consumers():
        product, _ = scaling.inputs
        scaling.replace_input_with(0, Nodes(graph, scaling)("Mul", product, step))
        scaling.replace_input_with(1, columns)
    graph.remove(scales, safe=True)


def fix_lstm_ranges(graph: ir.Graph) -> None:
    """Let the ranges of an LSTM's inputs and states be the same in every batch.

    The kernel of ONNX Runtime's int8 LSTM rounds all inputs, and at each step all states, within the range that they
    have. So the inputs get two more features, which always are the largest magnitude that any token's can have and its
    negative, and the states two more units, which always are 1 and -1. Weights of zero keep both from the others.
    """
    for node in [node for node in graph if node.op_type == "LSTM"]:
        nodes = Nodes(graph, node)
        inputs, weights, recurrent, bias, _, state, cell = node.inputs[:7]
        largest = _largest_magnitude(inputs)
        clipped = nodes("Clip", inputs, *(nodes.constant(sign * largest, np.float32) for sign in (-1, 1)))
        hidden = constant(recurrent).shape[2]
        wider = {
            0: _widened(nodes, clipped, (largest, -largest)),
            1: nodes.constant(_padded(weights), np.float32),
            2: nodes.constant(_padded(recurrent), np.float32),
            3: nodes.constant(_with_open_gates(bias), np.float32),
            5: _widened(nodes, state, (1, -1)),
            6: _widened(nodes, cell, (OPEN, -OPEN)),
        }
        for position, value in wider.items():
            node.replace_input_with(position, value)
        node.attributes["hidden_size"] = ir.AttrInt64("hidden_size", hidden + 2)
        for output in node.outputs:
            _narrow(nodes, output, hidden)


def round_recurrent_weights(graph: ir.Graph) -> None:
    """Store the matrices of GRUs and plain recurrent networks in int8, with a step for each row.

    ONNX Runtime has no int8 kernel for them: they compute in fp32, with weights that are rounded.
    """
    for node in [node for node in graph if node.op_type in ("GRU", "RNN")]:
        nodes = Nodes(graph, node)
        for position in (1, 2):  # of the inputs, and of the states: (1, gates * units, width)
            weights = constant(node.inputs[position])
            steps = np.maximum(np.abs(weights[0]).max(1) / LARGEST, SMALLEST_STEP)
            rounded = nodes.constant(np.round(weights / steps[None, :, None]), np.int8)
            scales, zeros = nodes.constant(steps, np.float32), nodes.constant(np.zeros(len(steps)), np.int8)
            node.replace_input_with(position, nodes("DequantizeLinear", rounded, scales, zeros, axis=1))


def _largest_magnitude(value: ir.Value | None) -> float:
    """The largest magnitude that a value can have: a network's inputs are ids, so it is known from its tables.

    Raises:
        ValueError: it is made in a way that is not known here.
    """
    if value is not None and value.const_value is not None:
        return float(np.abs(constant(value)).max())
    node = value.producer() if value is not None else None
    if node is None:
        raise _unknown_range("outside")
    if node.op_type == "LSTM":
        return 1.0
    if node.op_type == "Concat":
        return max(_largest_magnitude(part) for part in node.inputs)
    first = node.inputs[0]
    if node.op_type in KEEPING_VALUES:
        return _largest_magnitude(first)
    table = first.producer() if first is not None else None
    if node.op_type == "MatMul" and table is not None and table.op_type == "Gather":
        return float(np.abs(constant(table.inputs[0]) @ constant(node.inputs[1])).max())
    raise _unknown_range(node.op_type)


def _unknown_range(kind: str) -> ValueError:
    return ValueError(f"--precision=int8: the range of an LSTM's input from {kind} is unknown")


def _widened(nodes: Nodes, value: ir.Value | None, ends: tuple[float, float]) -> ir.Value:
    """A value of three axes with two more columns, which are the same in every row."""
    zero, one, last = (nodes.constant([i], np.int64) for i in (0, 1, 2))
    rows = nodes("Shape", nodes("Slice", value, zero, one, last))
    columns = nodes("Expand", nodes.constant([[ends]], np.float32), rows)
    return nodes("Concat", value, columns, axis=2)


def _padded(weights: ir.Value | None) -> np.ndarray:
    """Weights (directions, gates * units, inputs) with zeros for two more units of each gate, and two more inputs."""
    array = constant(weights)
    by_gate = array.reshape(len(array), GATES, -1, array.shape[2])
    padded = np.pad(by_gate, ((0, 0), (0, 0), (0, 2), (0, 2)))
    return padded.reshape(len(array), -1, array.shape[2] + 2)


def _with_open_gates(bias: ir.Value | None) -> np.ndarray:
    """Biases (directions, 2 * gates * units), those of the inputs first, with two more units that stay at 1 and -1."""
    array = constant(bias)
    padded = np.pad(array.reshape(len(array), 2 * GATES, -1), ((0, 0), (0, 0), (0, 2)))
    padded[:, :GATES, -2:] = OPEN
    padded[:, CELL, -1] = -OPEN
    return padded.reshape(len(array), -1)


def _narrow(nodes: Nodes, output: ir.Value, width: int) -> None:
    """Let the users of an output see only the first ``width`` entries of its last axis."""
    uses = list(output.uses())
    bounds = [nodes.constant([i], np.int64) for i in (0, width, -1)]
    narrow = ir.node("Slice", [output, *bounds], name=f"{output.name}_narrow")
    narrow.outputs[0].name = narrow.name
    nodes.graph.insert_after(nodes.before, narrow)
    for user, position in uses:
        user.replace_input_with(position, narrow.outputs[0])
