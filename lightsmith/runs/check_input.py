"""A check that a network can take what its data gives, before a run writes anything."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from datamodules.batches.loader import batch_loader
from datamodules.preprocessing import padded_width
from lightning_modules.training.task import Task
from lightsmith.terminal import one_line

LARGEST_TRIED_PX = 64  # as large as the networks that are particular about it take
SIZES = {"image": "data.image_size_px", "text": "data.max_tokens"}  # what the shape of an input follows


def check_input(model: Task, data: Any, settings: Iterable[tuple[str, object]]) -> None:
    """Refuse a network that cannot take one item of the data; of texts, one as long as they may be.

    Args:
        model: a task, on the CPU.
        data: its data module, without a Trainer.
        settings: (dotted key, value) of everything that was set.

    Raises:
        ValueError: naming the settings that the shapes follow.
    """
    inputs = _one_item(data)
    _check_length(model, data, inputs)
    shapes = " and ".join("×".join(map(str, value.shape[1:])) for value in inputs)
    name = type(model).__name__
    try:
        outputs = _evaluate(model, inputs)
    except Exception as error:  # a layer may raise anything for a shape that it does not take
        line = one_line(error)
        sizes, advice = _sizes(data, line, settings), _fitting_size(model, data)
        raise ValueError(f"{sizes}{name} cannot take items of {shapes}{advice}: {line}") from error
    width = len(data.class_names) if model.target == "class" else model.width
    if width is not None and outputs.shape != (1, width):
        found = "×".join(map(str, outputs.shape))
        right = f"the data has {width} classes" if model.target == "class" else f"that has to be 1×{width}"
        raise ValueError(f"{name} makes {found} {model.answer_type.output} of one item; {right}")


def check_batch(model: Any, data: Any) -> None:
    """Refuse to train on one item at a time, where a norm over the batch needs the variance of several.

    Raises:
        ValueError: naming the setting that makes batches of one.
    """
    sizes = {"batch_size": data.batch_size, "train_size": len(data.source_found.splits["train"])}
    alone = [name for name, size in sizes.items() if size == 1]
    if not alone:
        return
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            copy.deepcopy(model.network).train()(*_one_item(data))
    except ValueError as error:  # as torch's batch norm says it
        raise ValueError(f"data.{alone[0]}=1: {type(model).__name__} cannot train on one item: {one_line(error)}; "
                         "give 2 or more") from error  # fmt: skip


def _one_item(data: Any) -> tuple[Tensor, ...]:
    """A batch of one; of images and texts one that needs no data, which would have to be decoded first."""
    kind = getattr(data, "kind", None)
    if kind == "image":
        return (torch.zeros(1, data.channels, data.image_size_px, data.image_size_px, dtype=torch.uint8),)
    if kind == "text":
        ids = torch.zeros(1, padded_width(data.max_tokens), dtype=torch.int64)
        ids[:, : data.max_tokens] = data.vocabulary_size - 1
        return ids, (ids > 0).long()
    batch = next(iter(batch_loader(data.loader("train").dataset, 1, num_workers=0)))
    inputs: tuple[Tensor, ...] = data.on_after_batch_transfer(batch, 0).inputs
    return inputs


def _check_length(model: Any, data: Any, inputs: tuple[Tensor, ...]) -> None:
    """Refuse texts for which an encoder has no positions; it would say no more than that an index is out of range."""
    longest, width = getattr(model.network, "max_tokens", None), inputs[0].shape[-1]
    if longest is not None and width > longest:
        fitting = max(n for n in range(longest + 1) if padded_width(n) <= longest)
        raise ValueError(
            f"data.max_tokens={data.max_tokens}, padded to {width}, is more than this encoder takes ({longest}): "
            f"give {fitting} or fewer"
        )


def _evaluate(model: LightningModule, inputs: tuple[Tensor, ...]) -> Tensor:
    """Outputs, computed without a trace: neither modes, statistics nor random numbers change."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            outputs: Tensor = model.eval()(*inputs)
    finally:
        for module, training in modes:
            module.training = training
    return outputs


def _fitting_size(model: LightningModule, data: Any) -> str:
    """The nearest size of images that the network does take, as advice; empty if there is none, or for other data."""
    if getattr(data, "kind", None) != "image":
        return ""
    for size in sorted(range(1, LARGEST_TRIED_PX + 1), key=lambda px: abs(px - data.image_size_px)):
        with suppress(Exception):
            _evaluate(model, (torch.zeros(1, data.channels, size, size, dtype=torch.uint8),))
            return f", but it can those of {data.channels}×{size}×{size}"
    return ""


def _sizes(data: object, line: str, settings: Iterable[tuple[str, object]]) -> str:
    """The settings that an error about shapes is about: what the input follows, or else sizes that the error quotes."""
    key = SIZES.get(getattr(data, "kind", ""))
    quoted = set(re.findall(r"\d+", line)) - {"0", "1"}
    meant = [
        f"{name}={value}"
        for name, value in settings
        if (name == key if key else name.startswith("model.") and type(value) is int and str(value) in quoted)
    ]
    return ", ".join(meant) + ": " if meant else ""
