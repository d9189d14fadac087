"""int8 for an ONNX file (Jacob et al. 2018), by ONNX Runtime's quantizers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from lightning_modules.training.batch import Batch
from lightsmith.exports.int8_rows import fix_lstm_ranges, quantize_each_row, round_recurrent_weights
from lightsmith.exports.quiet import quiet

STATIC_OPERATORS = ["Conv", "Gemm", "MatMul", "MaxPool", "Relu", "Add", "GlobalAveragePool", "ReduceMean", "Reshape"]
MEANS = ("GlobalAveragePool", "ReduceMean")
SHARING = ("MaxPool", "Reshape")  # the quantizer gives their output the range of their input
DYNAMIC_OPERATORS = ["MatMul", "Gather", "LSTM"]


def quantize_with_ranges(path: Path, batches: Iterable[Batch], learnt: Mapping[str, tuple[float, int]]) -> None:
    """Turn a convolutional network or a perceptron into int8: weights per channel, activations by calibrated ranges.

    Weights are symmetric, so a zero stays one; activations are uint8 with a zero point.

    Args:
        path: the fp32 model, which is replaced.
        batches: what to calibrate with; their ``inputs`` are the network's.
        learnt: scale and zero point by the name of the range, as ``undo_fake_quantization`` tells them. Where there
            are any, nothing else is rounded: training did not either.
    """
    model = onnx.load(path)
    overrides = _overrides(model, learnt)
    with quiet():
        quantize_static(
            model,
            path,
            Calibration(model, batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=STATIC_OPERATORS,
            nodes_to_exclude=_normalization(model),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={
                "WeightSymmetric": True,
                "ActivationSymmetric": False,
                "TensorQuantOverrides": overrides,
            },
        )
    quantized = onnx.load(path)
    last = next(node for node in reversed(quantized.graph.node) if node.op_type in ("Gemm", "MatMul"))
    exact = {last.output[0]} | (_not_rounded(quantized, set(overrides)) if learnt else set())
    onnx.save(_keep_exact(quantized, exact), path)


def quantize_weights(path: Path) -> None:
    """Turn a network on texts into int8: weights per channel, activations by ranges that no other text has a part in.

    Args:
        path: the fp32 model, which is replaced.

    Raises:
        ValueError: an LSTM whose inputs can have any range.
    """
    with quiet():
        quantize_dynamic(
            _changed(onnx.load(path), fix_lstm_ranges, round_recurrent_weights),
            path,
            op_types_to_quantize=DYNAMIC_OPERATORS,
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"WeightSymmetric": True, "MatMulConstBOnly": True},
        )
    onnx.save(_changed(onnx.load(path), quantize_each_row), path)


def _changed(content: onnx.ModelProto, *changes: Callable[[ir.Graph], None]) -> onnx.ModelProto:
    """A model after changes of its graph."""
    model = ir.from_proto(content)
    for change in changes:
        change(model.graph)
    changed = ir.to_proto(model)
    del changed.graph.value_info[:]  # the quantizer does not keep them up to date
    onnx.checker.check_model(changed)
    return changed


class Calibration(CalibrationDataReader):  # type: ignore[misc]  # without types
    """Batches by the names of a model's inputs."""

    def __init__(self, model: onnx.ModelProto, batches: Iterable[Batch]) -> None:
        self.names = [value.name for value in model.graph.input]
        self.batches = iter(batches)

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self.batches, None)
        if batch is None:
            return None
        return {name: value.numpy() for name, value in zip(self.names, batch.inputs, strict=True)}


def _overrides(model: onnx.ModelProto, learnt: Mapping[str, tuple[float, int]]) -> dict[str, list[dict[str, Any]]]:
    """Learnt ranges by the names of tensors: those that go into a module, and those that they are a maximum of."""
    producers = {output: node for node in model.graph.node for output in node.output}
    found: dict[str, list[dict[str, Any]]] = {}
    for node in model.graph.node:
        for tensor, name in _ranges_of(node):
            if name not in learnt:
                continue
            scale, zero = np.array(learnt[name][0], np.float32), np.array(learnt[name][1], np.uint8)
            for same in _same_values(tensor, producers):
                found.setdefault(same, [{"scale": scale, "zero_point": zero, "quant_type": QuantType.QUInt8}])
    return found


def _ranges_of(node: onnx.NodeProto) -> list[tuple[str, str]]:
    """(tensor, name of its range) of what goes into a node that networks/fake_quantize.py may round the inputs of."""
    if node.op_type in ("Add", *MEANS):
        *_, module, _ = ["", "", *_scopes(node)]
        own = ("branch_range", "shortcut_range") if node.op_type == "Add" else ("pool_range",)
        return [(tensor, f"{module}.{name}".lstrip(".")) for tensor, name in zip(node.input, own, strict=False)]
    if len(node.input) > 1:
        return [(node.input[0], f"{node.input[1].removesuffix('.weight')}.input_range")]
    return []


def _scopes(node: onnx.NodeProto) -> list[str]:
    """The names of the modules that a node was exported from, outermost first, and its own."""
    scopes = next((entry.value for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"), "[]")
    return [str(scope) for scope in ast.literal_eval(scopes)]


def _same_values(name: str, producers: Mapping[str, onnx.NodeProto]) -> Iterator[str]:
    """A tensor and those before it that only a maximum or another shape lies between; not those that share a range."""
    while producers[name].op_type in (*SHARING, "ReduceMax"):
        if producers[name].op_type not in SHARING:
            yield name
        name = producers[name].input[0]
    yield name


def _normalization(model: onnx.ModelProto) -> list[str]:
    """The nodes before the first with weights: they turn uint8 into what that one takes."""
    names = []
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            break
        names.append(node.name)
    return names


def _not_rounded(model: onnx.ModelProto, rounded: set[str]) -> set[str]:
    """The tensors that the quantizer rounds and training does not; what shares the values of others is as they are."""
    plain = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    known = set(rounded)
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] in known:
            known.add(node.output[0])
        if node.op_type in (*SHARING, "DequantizeLinear") and node.input[0] in known:
            known.add(node.output[0])
    return {node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"} - known - set(plain)


def _keep_exact(model: onnx.ModelProto, tensors: set[str]) -> onnx.ModelProto:
    """Take out the rounding of tensors."""
    graph = model.graph
    for node in [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] in tensors]:
        for restored in [other for other in graph.node if other.input and other.input[0] == node.output[0]]:
            for user in graph.node:
                for position, name in enumerate(user.input):
                    if name == restored.output[0]:
                        user.input[position] = node.input[0]
            for output in graph.output:
                if output.name == restored.output[0]:
                    producer = next(other for other in graph.node if node.input[0] in other.output)
                    producer.output[0] = output.name
            graph.node.remove(restored)
        graph.node.remove(node)
    return model
