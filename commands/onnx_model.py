"""A network as an ONNX file, and an ONNX file as a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx
import onnxruntime
import onnxscript
import torch
from onnx_ir.passes.common import RemoveUnusedNodesPass
from onnxruntime.capi import onnxruntime_pybind11_state as errors
from torch import Tensor, nn

from commands.onnx_graph import fold_pooled_norms, fold_projected_tables
from commands.quiet import quiet

OUTPUT = "logits"
LARGEST_CONSTANT = 2**28  # values; onnxscript's own limit leaves an LSTM's gates to be reordered at each call
DAMAGED = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoSuchFile,
    errors.NotImplemented,
    errors.RuntimeException,
)


def write_onnx(network: nn.Module, inputs: Mapping[str, Tensor], path: Path) -> None:
    """Write a network in evaluation mode, in fp32, as one file with norms folded into convolutions.

    Args:
        inputs: an example of each input by the name it gets. Axis 0, and axis 1 of ids and masks (B, T), stay free.
    """
    free = torch.export.Dim.DYNAMIC
    axes = tuple(dict.fromkeys(range(2 if example.ndim == 2 else 1), free) for example in inputs.values())
    with quiet():
        program = torch.onnx.export(
            network.eval(),
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=[OUTPUT],
            dynamic_shapes=axes,
            verbose=False,
        )
        assert program is not None
        model = program.model
        onnxscript.optimizer.optimize_ir(model, input_size_limit=LARGEST_CONSTANT, output_size_limit=LARGEST_CONSTANT)
        fold_pooled_norms(model.graph)
        fold_projected_tables(model.graph)
        RemoveUnusedNodesPass()(model)
        content = program.model_proto
    del content.graph.value_info[:]  # shapes from before the folding
    onnx.checker.check_model(content)
    onnx.save(content, path)


class OnnxNetwork:
    """An ONNX file that is called as the network it was made of.

    Args:
        content: the file's bytes.

    Raises:
        ValueError: no ONNX, not one of Lightsmith's, or one that refers to other files.
    """

    def __init__(self, content: bytes) -> None:
        _check_alone(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # what it cannot do is raised as well
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except DAMAGED as error:
            raise ValueError(f"it is no ONNX model that can be run ({_reason(error)})") from error
        self.names = [value.name for value in self.session.get_inputs()]

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Logits float32 (B, classes) of what the network takes.

        Raises:
            ValueError: inputs that do not fit.
        """
        named = {name: value.contiguous().numpy() for name, value in zip(self.names, inputs, strict=True)}
        try:
            (logits,) = self.session.run([OUTPUT], named)
        except DAMAGED as error:
            raise ValueError(f"the ONNX model cannot be run on these inputs ({_reason(error)})") from error
        return torch.from_numpy(logits)


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
