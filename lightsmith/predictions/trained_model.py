"""A trained model to be asked: from a run, a checkpoint or an exported folder, item by item and never all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.batches.encoded_cache import short_lived
from datamodules.batches.loader import batch_loader
from datamodules.sources.no_input import NotAnInput, Note, Unreadable
from lightning_modules.training.answer import Answer
from lightsmith.checkpoints.rebuild import load_run
from lightsmith.exports.exported_files import ONNX_FILE, is_exported
from lightsmith.exports.folder import load_exported
from lightsmith.run_folder import checkpoint_of
from lightsmith.runs.hardware import fast_precision

BATCH_SIZE = 64
ITEMS_AT_ONCE = 512
CHARACTERS_AT_ONCE = 20_000_000
ABSENT = (Unreadable, NotAnInput, Note)  # what may stand in an item's place


class TrainedModel(NamedTuple):
    """A trained network; ``data`` makes its inputs of items, and ``answer`` predictions of its outputs (B, …)."""

    network: Callable[..., Tensor]
    data: Any
    answer: Answer
    device: torch.device

    def said(self, dataset: Any) -> tuple[Tensor, np.ndarray]:
        """Run the network on a data set in its order; outputs and predictions are float32 (N, …), on the CPU."""
        outputs, predictions = [], [np.empty((0, len(self.answer.columns)), np.float32)]
        with torch.inference_mode():
            for batch in batch_loader(dataset, BATCH_SIZE, num_workers=0):
                there = type(batch)(*(part.to(self.device) for part in batch))
                inputs = self.data.on_after_batch_transfer(there, 0).inputs
                outputs.append(self.network(*inputs).float().cpu())
                predictions.append(
                    self.answer.predictions(outputs[-1].numpy(), [part.cpu().numpy() for part in inputs])
                )
        return torch.cat(outputs) if outputs else torch.empty(0), np.concatenate(predictions)

    def predict(self, items: Path | Iterable[object]) -> list[dict[str, Any]]:
        """Predict each item, such as its class and probabilities, in the form that `make predict` writes.

        Args:
            items: images, uint8 (H, W, C), or texts; or the path of a file or folder, read as `make predict` reads it.

        Raises:
            ValueError: a text alone, which would be taken for its letters, or a path that does not exist.
        """
        if isinstance(items, str):
            raise ValueError(f"items={items!r} is one text: give a list of texts, or a Path")
        if isinstance(items, Path) and not items.exists():
            raise ValueError(f"items={items} does not exist")
        named = self.data.read_inputs(items) if isinstance(items, Path) else ((str(n), x) for n, x in enumerate(items))
        return [line for answers in ask(self, named) for line in answers.lines(self.answer)]


class Answers(NamedTuple):
    """A model's answers to some inputs.

    ``outputs``, float32 (n, …), and ``predictions``, float32 (n, columns), are of those at the positions ``kept``,
    int64 (n,); ``reasons`` has why there are none, by position, for all others.
    """

    inputs: list[tuple[str, Any]]
    kept: np.ndarray
    outputs: Tensor
    predictions: np.ndarray
    reasons: dict[int, str]

    @property
    def by_position(self) -> dict[int, np.ndarray]:
        """The prediction of each input that has one, by position."""
        return dict(zip(self.kept.tolist(), self.predictions, strict=True))

    def lines(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """The line of each input: its name and prediction, or the reason why it has none. Other files have no line."""
        said = self.by_position
        for position, (name, item) in enumerate(self.inputs):
            if position in said:
                yield {"item": name, **answer.line(said[position])}
            elif not isinstance(item, NotAnInput | Note):
                yield {"item": name, "error": self.reasons[position]}


def model_file(run: Path) -> Path:
    """The file with the weights that ``load_trained`` takes."""
    if is_exported(run):
        return run / ONNX_FILE
    return checkpoint_of(run)


def load_trained(run: Path) -> TrainedModel:
    """The model of a run folder, of a .ckpt file, or of a folder that ``export`` wrote.

    Raises:
        ValueError: there is none, or it cannot be used.
    """
    if is_exported(run):
        return TrainedModel(*load_exported(run), torch.device("cpu"))
    model, data = load_run(run)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    fast = fast_precision() == "bf16-mixed"

    def network(*inputs: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=fast):
            outputs: Tensor = model(*inputs)
        return outputs

    return TrainedModel(network, data, model.answer, device)


def ask(
    model: TrainedModel, inputs: Iterable[tuple[str, object]], labels: np.ndarray | None = None
) -> Iterator[Answers]:
    """Answer inputs (name, item) in order, a part at a time; no more than one part is in memory.

    Args:
        inputs: an ``Unreadable``, ``NotAnInput`` or ``Note`` in an item's place is passed through.
        labels: those of all inputs, (n,), for data that makes the item of its label; zeros when None.
    """
    done = 0
    for part in _parts(inputs):
        absent = {n: item.reason for n, (_, item) in enumerate(part) if isinstance(item, ABSENT)}
        there = [n for n in range(len(part)) if n not in absent]
        with short_lived():
            own = np.zeros(len(part), np.int64) if labels is None else labels[done : done + len(part)]
            dataset, kept, unreadable = model.data.encode(_as_items([part[n][1] for n in there]), own[there], "inputs")
            outputs, predictions = model.said(dataset)
        positions = np.array(there, dtype=np.int64)
        left = np.setdiff1d(np.arange(len(there)), kept)
        unread = zip(positions[left].tolist(), (reason for _, reason in unreadable), strict=True)
        done += len(part)
        yield Answers(part, positions[kept], outputs, predictions, dict(chain(absent.items(), unread)))


def _as_items(items: list[Any]) -> Any:
    """Items as ``encode`` takes them: a list, or arrays of one shape as one array."""
    return np.stack(items) if items and isinstance(items[0], np.ndarray) else items


def _parts(inputs: Iterable[tuple[str, object]]) -> Iterator[list[tuple[str, Any]]]:
    part: list[tuple[str, Any]] = []
    characters = 0
    for name, item in inputs:
        part.append((name, item))
        characters += len(item) if isinstance(item, str) else 0
        if len(part) == ITEMS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield part
            part, characters = [], 0
    if part:
        yield part
