"""int8 for an ONNX file (Jacob et al. 2018), by ONNX Runtime's quantizers."""

from __future__ import annotations

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

from commands.int8_rows import fix_lstm_ranges, quantize_each_row
from commands.quiet import quiet

STATIC_OPERATORS = ["Conv", "Gemm", "MatMul", "MaxPool", "Relu", "Add", "GlobalAveragePool", "ReduceMean", "Reshape"]
SHARING = ("MaxPool", "Reshape")  # the quantizer gives their output the range of their input
DYNAMIC_OPERATORS = ["MatMul", "Gather", "LSTM"]


def quantize_with_ranges(path: Path, batches: Iterable[Any], learnt: Mapping[str, tuple[float, int]]) -> None:
    """Turn a convolutional network or a perceptron into int8: weights per channel, activations by calibrated ranges.

    Weights are symmetric, so a zero stays one; activations are uint8 with a zero point.

    Args:
        path: the fp32 model, which is replaced.
        batches: what to calibrate with; their ``inputs`` are the network's.
        learnt: scale and zero point of inputs whose range is known, by the name of the module that they go into.
    """
    model = onnx.load(path)
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
                "TensorQuantOverrides": _overrides(model, learnt),
            },
        )
    onnx.save(_keep_logits_exact(onnx.load(path)), path)


def quantize_weights(path: Path) -> None:
    """Turn a network on texts into int8: weights per channel, activations by ranges that no other text has a part in.

    Args:
        path: the fp32 model, which is replaced.

    Raises:
        ValueError: an LSTM whose inputs can have any range.
    """
    with quiet():
        quantize_dynamic(
            _changed(onnx.load(path), fix_lstm_ranges),
            path,
            op_types_to_quantize=DYNAMIC_OPERATORS,
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"WeightSymmetric": True, "MatMulConstBOnly": True},
        )
    onnx.save(_changed(onnx.load(path), quantize_each_row), path)


def _changed(content: onnx.ModelProto, change: Callable[[ir.Graph], None]) -> onnx.ModelProto:
    """A model after a change of its graph."""
    model = ir.from_proto(content)
    change(model.graph)
    changed = ir.to_proto(model)
    del changed.graph.value_info[:]  # the quantizer does not keep them up to date
    onnx.checker.check_model(changed)
    return changed


class Calibration(CalibrationDataReader):  # type: ignore[misc]  # without types
    """Batches by the names of a model's inputs."""

    def __init__(self, model: onnx.ModelProto, batches: Iterable[Any]) -> None:
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
        module = node.input[1].removesuffix(".weight") if len(node.input) > 1 else ""
        if module in learnt:
            scale, zero = np.array(learnt[module][0], np.float32), np.array(learnt[module][1], np.uint8)
            for name in _same_values(node.input[0], producers):
                found.setdefault(name, [{"scale": scale, "zero_point": zero, "quant_type": QuantType.QUInt8}])
    return found


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


def _keep_logits_exact(model: onnx.ModelProto) -> onnx.ModelProto:
    """Take out the rounding of what the last layer gives, to which nothing is added but a scale."""
    graph = model.graph
    last = next(node for node in reversed(graph.node) if node.op_type in ("Gemm", "MatMul"))
    quantized = [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == last.output[0]]
    for node in quantized:
        (restored,) = (other for other in graph.node if other.input[0] == node.output[0])
        last.output[0] = restored.output[0]
        graph.node.remove(node)
        graph.node.remove(restored)
    return model
