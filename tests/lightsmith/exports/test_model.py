from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from datamodules.mnist import MNIST
from datamodules.review_wordpieces import ReviewWordPieces
from lightsmith.exports.model import Format, Precision, check_precision, example_inputs, load_model, write_model
from tests.tiny_inputs import TinyCNN


@pytest.mark.parametrize(("format", "precision"), [("onnx", "bf16"), ("torch", "int8")])
def test_what_neither_library_does_is_refused(format: str, precision: str) -> None:  # noqa: A002
    with pytest.raises(ValueError, match=f"--precision={precision} needs --format="):
        check_precision(cast(Format, format), cast(Precision, precision))


def test_example_inputs_are_what_the_network_is_called_with() -> None:
    images = example_inputs(MNIST(20, 20, cache=False))
    assert {name: (value.dtype, value.shape) for name, value in images.items()} == {
        "image": (torch.uint8, (2, 1, 20, 20))
    }
    texts = example_inputs(ReviewWordPieces(cache=False))
    assert list(texts) == ["input_ids", "attention_mask"]
    assert all(value.dtype == torch.int64 for value in texts.values())


@pytest.mark.parametrize("name", [pytest.param("model.onnx", marks=pytest.mark.slow), "model.pt2"])
def test_a_written_model_computes_the_same_and_the_network_stays_as_it_was(tmp_path: Path, name: str) -> None:
    network: nn.Module = TinyCNN().network
    data: Any = MNIST(8, 8, cache=False)
    written = write_model(network, data, tmp_path / name)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    images = torch.randint(256, (3, 1, 8, 8), dtype=torch.uint8)
    expected = network.eval()(images)
    assert torch.allclose(written(images), expected, atol=1e-4)
    assert torch.allclose(load_model(tmp_path)(images), expected, atol=1e-4)
