from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lightsmith.exports.onnx_graph import fold_pooled_norms, fold_projected_tables

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(size=(2, 3, 8, 8)).astype(np.float32)


def model(nodes: list[onnx.NodeProto], constants: dict[str, Any], entry: onnx.ValueInfoProto) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "graph", [entry], [output], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def pooled_norm(gain: list[float], bias: bool = True) -> onnx.ModelProto:
    constants: dict[str, Any] = {"w": RANDOM.normal(size=(4, 3, 3, 3)), "gain": gain, "shift": [0.1, -0.2, 0.3, 0.0]}
    constants |= {"mean": [0.5, 0.1, -0.3, 0.2], "variance": [1.0, 2.0, 0.5, 1.5]}
    constants |= {"b": [1.0, 2.0, -1.0, 0.5]} if bias else {}
    nodes = [
        helper.make_node("Conv", ["in", "w", "b"] if bias else ["in", "w"], ["c"]),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["p", "gain", "shift", "mean", "variance"], ["n"], epsilon=1e-3),
        helper.make_node("Relu", ["n"], ["out"]),
    ]
    return model(nodes, constants, helper.make_tensor_value_info("in", TensorProto.FLOAT, [2, 3, 8, 8]))


def changed(before: onnx.ModelProto, change: Callable[[ir.Graph], None]) -> onnx.ModelProto:
    converted = ir.from_proto(before)
    change(converted.graph)
    after = ir.to_proto(converted)
    del after.graph.value_info[:]  # shapes from before
    return after


def output(proto: onnx.ModelProto, value: np.ndarray) -> Any:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"in": value})[0]


@pytest.mark.parametrize("bias", [True, False])
def test_a_pooled_norm_goes_into_the_convolution_and_the_relu_before_the_pooling(bias: bool) -> None:
    before = pooled_norm([1.0, 0.5, 2.0, 0.1], bias)
    after = changed(before, fold_pooled_norms)
    assert [node.op_type for node in after.graph.node] == ["Conv", "Relu", "MaxPool"]
    assert len(after.graph.initializer) >= 2
    np.testing.assert_allclose(output(after, IMAGE), output(before, IMAGE), atol=1e-5)


def test_a_norm_with_a_negative_scale_stays() -> None:
    before = pooled_norm([1.0, -0.5, 2.0, 0.1])
    after = changed(before, fold_pooled_norms)
    assert [node.op_type for node in after.graph.node] == [node.op_type for node in before.graph.node]
    np.testing.assert_array_equal(output(after, IMAGE), output(before, IMAGE))


def test_a_pooling_that_something_else_uses_is_left_alone() -> None:
    before = pooled_norm([1.0] * 4)
    before.graph.node.append(helper.make_node("Identity", ["p"], ["second"]))
    before.graph.output.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, None))
    after = changed(before, fold_pooled_norms)
    assert "BatchNormalization" in [node.op_type for node in after.graph.node]


def test_a_table_is_projected_once_if_that_makes_it_smaller() -> None:
    ids = np.array([[3, 1], [0, 2]])
    for width, operators in ((2, ["Gather"]), (9, ["Gather", "MatMul"])):
        constants = {"table": RANDOM.normal(size=(5, 4)), "matrix": RANDOM.normal(size=(4, width))}
        nodes = [
            helper.make_node("Gather", ["table", "in"], ["vectors"]),
            helper.make_node("MatMul", ["vectors", "matrix"], ["out"]),
        ]
        before = model(nodes, constants, helper.make_tensor_value_info("in", TensorProto.INT64, [2, 2]))
        after = changed(before, fold_projected_tables)
        assert [node.op_type for node in after.graph.node] == operators
        np.testing.assert_allclose(output(after, ids), output(before, ids), atol=1e-5)
