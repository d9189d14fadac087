"""A network becomes one file, with norms folded away and batches of any size."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from lightsmith.exports.onnx_file import write_onnx


@pytest.mark.slow  # torch takes seconds to make a graph of it
def test_a_network_is_one_file_that_computes_the_same_for_any_number_of_items(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()
    nn.init.uniform_(network[1].running_mean)  # type: ignore[arg-type]  # tracked, so a tensor
    write_onnx(network, {"image": torch.zeros(2, 1, 8, 8)}, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    operations = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert "BatchNormalization" not in operations
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert [(value.name, value.shape[1:]) for value in session.get_inputs()] == [("image", [1, 8, 8])]
    for items in (1, 5):
        image = torch.randn(items, 1, 8, 8)
        (logits,) = session.run(["logits"], {"image": image.numpy()})
        assert np.allclose(logits, network(image).detach().numpy(), atol=1e-5)
