"""An ONNX file that is run on arrays. Nothing here needs torch."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors

DAMAGED = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoSuchFile,
    errors.NotImplemented,
    errors.RuntimeException,
)


class OnnxSession:
    """An ONNX file in ONNX Runtime.

    Args:
        content: the file's bytes.
        threads: that a call computes with.

    Attributes:
        names: of its inputs.
        width: outputs of an item, where these are one row; None where the file leaves it open, or they are more.

    Raises:
        ValueError: no ONNX, not one of Lightsmith's, or one that refers to other files.
    """

    def __init__(self, content: bytes, threads: int) -> None:
        _check_alone(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # what it cannot do is raised as well
        # Without VNNI, x86 adds pairs of int8 products in 16 bits and cuts off what does not fit. This keeps all of it.
        options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except DAMAGED as error:
            raise ValueError(f"it is no ONNX model that can be run ({_reason(error)})") from error
        self.names = [value.name for value in self.session.get_inputs()]
        outputs = self.session.get_outputs()
        if len(outputs) != 1 or len(outputs[0].shape) < 2:
            found = ", ".join(f"{value.name} {value.shape}" for value in outputs)
            raise ValueError(f"its outputs are {found}, and not one with a row for each item")
        self.output = outputs[0].name
        self.width = outputs[0].shape[1] if len(outputs[0].shape) == 2 else None

    def __call__(self, *inputs: np.ndarray) -> np.ndarray:
        """Outputs float32 (B, …) of what the network takes.

        Raises:
            ValueError: inputs that do not fit.
        """
        named = {name: np.ascontiguousarray(value) for name, value in zip(self.names, inputs, strict=True)}
        try:
            (outputs,) = self.session.run([self.output], named)
        except DAMAGED as error:
            raise ValueError(f"the ONNX model cannot be run on these inputs ({_reason(error)})") from error
        return np.asarray(outputs)


def _check_alone(content: bytes) -> None:
    """Refuse a model whose weights lie in other files, which could be any."""
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf raises what its implementation of the day has
        raise ValueError("it is no ONNX model") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ValueError("it keeps weights in other files")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:100]
