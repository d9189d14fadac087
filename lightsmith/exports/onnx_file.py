"""A network as an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx
import onnxscript
import torch
from onnx_ir.passes.common import RemoveUnusedNodesPass
from torch import Tensor, nn

from lightsmith.exports.onnx_graph import fold_pooled_norms, fold_projected_tables
from lightsmith.exports.quiet import quiet
from lightsmith.exports.torch_file import free_axes

LARGEST_CONSTANT = 2**28  # values; onnxscript's own limit leaves an LSTM's gates to be reordered at each call


def write_onnx(network: nn.Module, inputs: Mapping[str, Tensor], path: Path, output: str = "logits") -> None:
    """Write a network in evaluation mode, in fp32, as one file with norms folded into convolutions.

    Args:
        inputs: an example of each input by the name it gets. What ``free_axes`` says stays free.
        output: name of the output.
    """
    with quiet():
        program = torch.onnx.export(
            network.eval(),
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=free_axes(inputs),
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
