from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from datamodules.cifar10 import CIFAR10
from lightning_modules.networks.attention_classifier import AttentionClassifier
from lightning_modules.networks.bert import build_bert_from_config
from lightning_modules.networks.cifar_resnet import CifarResNet
from lightning_modules.networks.edits.fake_quantize import fake_quantize, undo_fake_quantization
from lightning_modules.networks.fast_cnn import FastCNN
from lightning_modules.networks.layers.normalize import Normalize
from lightning_modules.networks.recurrent_classifiers import GRUClassifier, LSTMClassifier, RNNClassifier
from lightning_modules.networks.text_classifier import TextClassifier
from lightsmith.exports.model import write_model

IMAGES = torch.randint(0, 256, (256, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def data() -> Any:
    found = CIFAR10(train_size=64, cache=False)
    _ = found.source_found
    return found


def trained_for_int8() -> nn.Module:
    """A small network whose ranges are learnt, and half of whose weights were pruned."""
    torch.manual_seed(0)
    network = nn.Sequential(Normalize([0.5] * 3, [0.25] * 3), FastCNN(10, widths=(16, 16, 16)))
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.normal_(std=0.2).mul_(torch.rand_like(parameter) < 0.5)
    for norm in [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]:
        norm.momentum = None  # the mean over all batches
    fake_quantize(network)
    with torch.no_grad():
        for _ in range(3):
            network(IMAGES)
    return network.eval()


def initializers(path: Path) -> dict[str, Any]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


def test_int8_takes_over_the_learnt_ranges_says_what_the_network_says_and_keeps_its_zeros(
    data: Any, tmp_path: Path
) -> None:
    network = trained_for_int8()
    exported = write_model(network, data, tmp_path / "model.onnx", "int8", calibration_items=16)
    expected, logits = network(IMAGES), exported(IMAGES)
    assert (expected.argmax(1) == logits.argmax(1)).double().mean() >= 0.98  # untrained, so many are close
    assert (expected - logits).abs().max() < 0.05 * expected.abs().max()

    constants = initializers(tmp_path / "model.onnx")
    learnt = {float(value) for name, value in network.state_dict().items() if name.endswith("input_range.scale")}
    scales = {float(value) for name, value in constants.items() if name.endswith("scale") and value.ndim == 0}
    assert learnt <= scales
    for name, weight in network.named_parameters():
        if weight.ndim == 4:
            quantized = constants[f"{name}_quantized"]
            assert quantized.dtype.name == "int8"
            assert (quantized[weight.detach().numpy() == 0] == 0).all()


def test_a_network_trained_for_int8_is_exported_as_int8_only(data: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trained for int8, so give int8"):
        write_model(trained_for_int8(), data, tmp_path / "model.onnx")


@pytest.mark.slow
def test_a_residual_network_is_rounded_where_training_rounded_it_and_nowhere_else(data: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(Normalize([0.49] * 3, [0.25] * 3), CifarResNet(10, widths=(8, 16), blocks=(1, 1)))
    fake_quantize(network)
    with torch.no_grad():
        for _ in range(3):
            network(IMAGES[:32])
    write_model(network.eval(), data, tmp_path / "model.onnx", "int8", calibration_items=16)
    model = onnx.load(tmp_path / "model.onnx")
    constants = {tensor.name: float(numpy_helper.to_array(tensor).max()) for tensor in model.graph.initializer}
    rounding = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    learnt = {float(value) for name, value in network.state_dict().items() if name.endswith("_range.scale")}
    assert {constants[node.input[1]] for node in rounding} == learnt
    assert len(rounding) == 10  # inputs of 6 convolutions and the head, of which one is shared; 3 branches; the mean


WORDS, TEXTS, TOKENS = 200, 32, 20


def reader(kind: type[TextClassifier] = LSTMClassifier) -> nn.Module:
    """In both directions, over vectors that an export folds with their projection."""
    return kind(2, WORDS, embedding_dim=16, hidden_size=24, pretrained_dim=32, dropout=0.0, word_dropout=0.0)


def encoder() -> nn.Module:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    return build_bert_from_config({"model_type": "bert", "vocab_size": WORDS, **sizes}, 2, dropout=0.0)


OTHERS = (GRUClassifier, RNNClassifier, AttentionClassifier)
BUILDS = [
    reader,
    *(pytest.param(build, marks=pytest.mark.slow) for build in (encoder, *(partial(reader, k) for k in OTHERS))),
]


@pytest.mark.parametrize("build", BUILDS)
def test_a_text_network_trained_for_int8_says_what_its_export_says(build: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build()
    fake_quantize(network)
    ids, labels = torch.randint(2, WORDS, (TEXTS, TOKENS)), torch.arange(TEXTS) % 2
    mask = (torch.arange(TOKENS) < torch.arange(TEXTS)[:, None] % 15 + 5).long()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(ids * mask, mask), labels).backward()
        optimizer.step()
    exported = write_model(network, SimpleNamespace(kind="text"), tmp_path / "model.onnx", "int8")
    expected, logits = network.eval()(ids * mask, mask), exported(ids * mask, mask)
    undo_fake_quantization(network)
    lost_without = (network(ids * mask, mask) - logits).abs().max()
    assert (expected - logits).abs().max() < 0.01 * lost_without


@pytest.mark.slow
def test_an_encoders_answer_alone_is_the_answer_in_company_to_the_bit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    exported = write_model(encoder(), SimpleNamespace(kind="text"), tmp_path / "model.onnx", "int8")
    ids, lengths = torch.randint(2, WORDS, (TEXTS, 4 * 16)), torch.randint(1, 4 * 16, (TEXTS,))
    mask = (torch.arange(4 * 16) < lengths[:, None]).long()
    together = exported(ids * mask, mask)
    for row, width in enumerate((lengths + 15) // 16 * 16):  # as wide as a text is by itself
        alone = exported((ids * mask)[row : row + 1, :width], mask[row : row + 1, :width])
        assert torch.equal(alone[0], together[row])
