from __future__ import annotations

import torch

from lightsmith.exports.onnx_network import OnnxNetwork
from tests.lightsmith.exports.test_onnx_session import WEIGHT, linear


def test_it_is_called_as_the_network_it_was() -> None:
    network, points = OnnxNetwork(linear()), torch.randn(3, 5).T
    assert network.width == 2
    assert torch.allclose(network(points), points @ torch.from_numpy(WEIGHT), atol=1e-6)
