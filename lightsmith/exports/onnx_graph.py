"""Changes of an exported graph that keep what it computes: they let a runtime, and int8, do it sooner."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir


def fold_pooled_norms(graph: ir.Graph) -> None:
    """Turn convolution, max-pooling, norm, ReLU into convolution, ReLU, max-pooling, where that is the same.

    A norm in evaluation mode is a scale and a shift per channel. Where every scale is positive, the maximum of the
    scaled is the scaled maximum, so both go into the convolution (Jacob et al. 2018, §3.2), and a ReLU may come first.
    A negative scale would turn the maximum into a minimum: such a norm stays. One without pooling was folded before.
    """
    for norm in [node for node in graph if node.op_type == "BatchNormalization"]:
        pool = _sole_producer(norm.inputs[0], "MaxPool")
        conv = _sole_producer(pool.inputs[0], "Conv") if pool else None
        if pool is None or conv is None:
            continue
        gain, shift, mean, variance = (constant(value) for value in norm.inputs[1:5])
        scale = gain / np.sqrt(variance + norm.attributes.get_float("epsilon", 1e-5))
        if (scale > 0).all():
            _rescale(graph, conv, scale, shift - mean * scale)
            _bypass(graph, norm)
            _activate_before(graph, pool)


def fold_projected_tables(graph: ir.Graph) -> None:
    """Multiply a table of vectors with the matrix that each looked-up vector goes through, if that makes it smaller."""
    for product in [node for node in graph if node.op_type == "MatMul"]:
        lookup = _sole_producer(product.inputs[0], "Gather")
        matrix = product.inputs[1]
        if lookup is None or matrix is None or matrix.const_value is None:
            continue
        table = lookup.inputs[0]
        if table is None or table.const_value is None or lookup.attributes.get_int("axis"):
            continue
        vectors, projection = constant(table), constant(matrix)
        if projection.shape[1] <= projection.shape[0]:
            _set_input(graph, lookup, 0, vectors @ projection, f"{table.name}_projected")
            _bypass(graph, product)


def constant(value: ir.Value | None) -> np.ndarray:
    """The content of an initializer."""
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()


def _sole_producer(value: ir.Value | None, op_type: str) -> ir.Node | None:
    """The node of this type that makes a value which nothing else uses."""
    if value is None or len(value.uses()) != 1:
        return None
    node = value.producer()
    return node if node is not None and node.op_type == op_type else None


def _rescale(graph: ir.Graph, conv: ir.Node, scale: np.ndarray, shift: np.ndarray) -> None:
    """Make a convolution's output times scale plus shift, per channel, its output."""
    weight = conv.inputs[1]
    assert weight is not None
    bias = constant(conv.inputs[2]) * scale if len(conv.inputs) > 2 else 0
    _set_input(graph, conv, 1, constant(weight) * scale[:, None, None, None], str(weight.name))
    _set_input(graph, conv, 2, bias + shift, f"{weight.name}_bias")


def _activate_before(graph: ir.Graph, pool: ir.Node) -> None:
    """Move the ReLU after a pooling before it, where nothing else uses the pooling's output."""
    uses = list(pool.outputs[0].uses())
    relu = uses[0].node if len(uses) == 1 else None
    if relu is None or relu.op_type != "Relu":
        return
    _bypass(graph, relu)
    before = pool.inputs[0]
    activation = ir.node("Relu", [before], name=relu.name)
    graph.insert_before(pool, activation)
    pool.replace_input_with(0, activation.outputs[0])
    activation.outputs[0].name = relu.outputs[0].name


def _set_input(graph: ir.Graph, node: ir.Node, position: int, array: np.ndarray, name: str) -> None:
    """Give a node a float32 constant as input; the one that it replaces goes if nothing else uses it."""
    old = node.inputs[position] if position < len(node.inputs) else None
    if old is not None and len(old.uses()) == 1 and old.name in graph.initializers:
        del graph.initializers[str(old.name)]
    value = ir.val(name, const_value=ir.tensor(array.astype(np.float32), name=name))
    graph.register_initializer(value)
    node.resize_inputs(max(position + 1, len(node.inputs)))
    node.replace_input_with(position, value)


def _bypass(graph: ir.Graph, node: ir.Node) -> None:
    """Let what uses a node's output use its first input instead."""
    kept = node.inputs[0]
    assert kept is not None
    node.outputs[0].replace_all_uses_with(kept, replace_graph_outputs=True)
    graph.remove(node, safe=True)
