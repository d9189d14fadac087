"""A network as a file that runs without Lightsmith, by format and precision."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from datamodules.batches.loader import batch_loader
from datamodules.sources.splits import subset
from lightning_modules.networks.edits.add_adapters import merge_adapters
from lightning_modules.networks.edits.fake_quantize import is_fake_quantized, undo_fake_quantization
from lightsmith.exports.exported_files import ONNX_FILE, TORCH_FILE
from lightsmith.exports.int8 import quantize_weights, quantize_with_ranges
from lightsmith.exports.onnx_file import write_onnx
from lightsmith.exports.onnx_network import OnnxNetwork
from lightsmith.exports.torch_file import InBf16, load_torch, write_torch

Format = Literal["onnx", "torch"]
Precision = Literal["fp32", "bf16", "int8"]
EXAMPLE_TOKENS = 16
BATCH_SIZE = 32


def check_precision(format: Format, precision: Precision) -> None:  # noqa: A002  # the option is --format
    """Refuse a precision that the library of a format does not compute in.

    Raises:
        ValueError: bf16 as ONNX, or int8 as torch.
    """
    if format == "onnx" and precision == "bf16":
        raise ValueError("--precision=bf16 needs --format=torch: ONNX Runtime has no bf16 for CPUs")
    if format == "torch" and precision == "int8":
        raise ValueError("--precision=int8 needs --format=onnx: it is ONNX Runtime that computes in int8")


def write_model(
    network: nn.Module,
    data: Any,
    path: Path,
    precision: Precision = "fp32",
    calibration_items: int = 512,
    output: str = "logits",
) -> Callable[..., Tensor]:
    """Write a network as .onnx or .pt2, by the path's suffix, and load it from there.

    Args:
        network: left as it is.
        data: its data module: it says what the inputs look like and has the items to calibrate int8 with.
        calibration_items: training items from which the ranges of int8 are taken, but for those learnt in training.
        output: what an ONNX file calls what it says.

    Raises:
        ValueError: a network trained for int8 that is wanted in another precision.
    """
    network = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    inputs = example_inputs(data)
    if precision != "int8" and is_fake_quantized(network):
        raise ValueError(f"--precision={precision}: the network was trained for int8, so give int8")
    merge_adapters(network)
    ranges = undo_fake_quantization(network)
    if path.suffix == ".pt2":
        write_torch(InBf16(network) if precision == "bf16" else network, inputs, path)
        return load_torch(path)
    write_onnx(network, inputs, path, output)
    if precision == "int8" and data.kind == "text":
        quantize_weights(path)
    elif precision == "int8":
        quantize_with_ranges(path, batches(data, "train", calibration_items), ranges)
    return OnnxNetwork(path.read_bytes())


def load_model(folder: Path) -> Callable[..., Tensor]:
    """The model of a folder that `export` wrote, in either format, in this process; of one's own only."""
    onnx_file = folder / ONNX_FILE
    return OnnxNetwork(onnx_file.read_bytes()) if onnx_file.exists() else load_torch(folder / TORCH_FILE)


def example_inputs(data: Any) -> dict[str, Tensor]:
    """Inputs of the network, by name: images uint8 (2, C, H, W), ids and mask int64 (2, T), or two items."""
    if data.kind == "text":
        return {name: torch.ones(2, EXAMPLE_TOKENS, dtype=torch.int64) for name in ("input_ids", "attention_mask")}
    if data.kind == "image":
        return {"image": torch.zeros(2, data.channels, data.image_size_px, data.image_size_px, dtype=torch.uint8)}
    batch = next(batches(data, "val"))
    fields = {id(value): name for name, value in batch._asdict().items()}
    return {fields[id(value)]: value[:2] for value in batch.inputs}


def batches(data: Any, split: str, limit: int | None = None) -> Iterator[Any]:
    """A split as the network sees it in evaluation, or a stratified choice of it; texts of similar length together."""
    examples = data.source_found.splits[split]
    examples = examples if limit is None else subset(examples, limit, seed=0)
    dataset, _, _ = data.encode(examples.items, examples.labels, split)
    loader = batch_loader(dataset, BATCH_SIZE, num_workers=0, lengths=getattr(dataset, "lengths", None))
    return (data.on_after_batch_transfer(batch, 0) for batch in loader)
