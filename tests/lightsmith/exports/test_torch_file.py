from pathlib import Path

import pytest
import torch

from lightning_modules.networks.fast_cnn import FastCNN
from lightning_modules.networks.recurrent_classifiers import LSTMClassifier
from lightsmith.exports.torch_file import InBf16, load_torch, write_torch


@pytest.mark.parametrize(("halved", "tolerance"), [(False, 1e-5), (True, 0.05)])
def test_a_loaded_file_computes_what_the_network_does_for_any_batch(
    halved: bool, tolerance: float, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = FastCNN(10, widths=(16, 16, 16)).eval()
    images = torch.rand(5, 3, 32, 32)
    with torch.inference_mode():
        expected = network(images)
    write_torch(InBf16(network) if halved else network, {"image": images[:2]}, tmp_path / "model.pt2")
    logits = load_torch(tmp_path / "model.pt2")(images)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, expected, atol=tolerance, rtol=tolerance)


def test_an_lstm_is_refused_in_one_line(tmp_path: Path) -> None:
    inputs = {name: torch.ones(2, 16, dtype=torch.int64) for name in ("input_ids", "attention_mask")}
    with pytest.raises(ValueError, match="tie this network to one text length: give --format=onnx"):
        write_torch(LSTMClassifier(100, 2), inputs, tmp_path / "model.pt2")
