"""`classify`: class probabilities for new images or texts, from a run folder alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from commands.checkpoints import load_run
from commands.exported_folder import is_exported, load_exported
from commands.hardware import fast_precision
from commands.mistakes import printable
from commands.predictions_file import check_not_among, check_output, write_predictions
from datamodules.batching import batch_loader
from datamodules.image_signatures import IMAGE_SUFFIXES

BATCH_SIZE = 64
SHOWN_FILES = 5


def classify(
    run: Path,
    input: Path,  # noqa: A002  # the option is --input
    output: Path = Path("predictions.jsonl"),
    text_column: str | None = None,
) -> int:
    """Classify images (a file or folder) or texts (.txt with one a line, .csv, .json, .jsonl, or a folder of them).

    Writes one row per input, in order: item, prediction and probabilities by class name; or item and error for one that
    cannot be read. What a folder of images holds besides images is left out.

    Args:
        run: a run folder such as runs/mnist_mlp/latest, a .ckpt file, or a folder that ``export`` wrote.
        input: what to classify.
        output: where to write: a .jsonl file with a JSON object a line, or a .csv file.
        text_column: the column of a table that holds the texts; as in training when unset.

    Returns:
        Exit code: 0, or 1 if any input could not be read.

    Raises:
        ValueError: no such run or input, nothing in it to classify, or an output that cannot be written.
    """
    if not input.exists():
        raise ValueError(f"--input={input} does not exist")
    check_output(output, input)
    probabilities_of, data, class_names = _load_exported(run) if is_exported(run) else _load_trained(run)
    if text_column is not None and not hasattr(data, "text_columns"):
        raise ValueError(f"--text_column={text_column} is for texts; this model is not")
    if text_column is not None:
        data.text_columns = (text_column,)
    inputs = data.read_inputs(input)
    check_not_among(output, input, (name for name, _ in inputs))
    items = [item for _, item in inputs]
    dataset, kept, unreadable = data.encode(items, np.zeros(len(items), dtype=np.int64), "inputs")
    probabilities = probabilities_of(dataset) if len(kept) else []
    predicted = dict(zip(kept.tolist(), probabilities, strict=True))
    rows, others = _rows(inputs, predicted, unreadable, class_names, in_folder=input.is_dir())
    write_predictions(output, rows, class_names)
    _say_left_out(others)
    print(f"{len(kept)} of {len(rows)} classified, written to {output}")
    return 1 if len(rows) > len(kept) else 0


def _rows(
    inputs: list[tuple[str, Any]],
    predicted: dict[int, list[float]],
    unreadable: list[tuple[str, str]],
    class_names: list[str],
    in_folder: bool,
) -> tuple[list[dict[str, Any]], list[Path]]:
    """A row for each input, in order, and the files of a folder that are left out; says what could not be read.

    Args:
        predicted: probabilities by position among the inputs.
        unreadable: (item, reason) of all other inputs, in their order.
    """
    errors = iter(unreadable)
    rows, others = [], []
    for position, (name, item) in enumerate(inputs):
        if position in predicted:
            rows.append(_row(name, predicted[position], class_names))
        elif (reason := next(errors)[1]) and in_folder and _is_named_otherwise(item):
            others.append(item)
        else:
            rows.append({"item": name, "error": reason})
            print(printable(f"cannot read {name}: {reason}"), file=sys.stderr)
    return rows, others


def _is_named_otherwise(item: Any) -> bool:
    """Whether an input is a file that does not claim to be an image."""
    return isinstance(item, Path) and item.suffix.lower() not in IMAGE_SUFFIXES


def _say_left_out(others: list[Path]) -> None:
    if others:
        shown = ", ".join(map(str, others[:SHOWN_FILES])) + (", …" if len(others) > SHOWN_FILES else "")
        print(printable(f"left out   {len(others)} files that are no images: {shown}"))


def _load_trained(run: Path) -> tuple[Callable[[Any], list[list[float]]], Any, list[str]]:
    """What classifies an encoded data set, what encodes one, and the names of the classes."""
    model, data = load_run(run)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)

    def probabilities(dataset: Any) -> list[list[float]]:
        with torch.autocast(device.type, torch.bfloat16, enabled=fast_precision() == "bf16-mixed"):
            return _probabilities(model, data, dataset, device)

    return probabilities, data, list(model.class_names)  # type: ignore[arg-type]  # Lightning types it as a module


def _load_exported(folder: Path) -> tuple[Callable[[Any], list[list[float]]], Any, list[str]]:
    """The same from a folder that `export` wrote, by ONNX Runtime."""
    network, data, class_names = load_exported(folder)
    return partial(_probabilities, network, data, device=torch.device("cpu")), data, class_names


def _probabilities(network: Callable[..., Tensor], data: Any, dataset: Any, device: torch.device) -> list[list[float]]:
    rows: list[list[float]] = []
    loader = batch_loader(dataset, BATCH_SIZE, num_workers=0, seed=None)
    with torch.inference_mode():
        for batch in tqdm(loader, "Classifying", unit=" batches", leave=False, delay=1, disable=None):
            batch = data.on_after_batch_transfer(type(batch)(*(part.to(device) for part in batch)), 0)
            rows += network(*batch.inputs).float().softmax(1).tolist()
    return rows


def _row(name: str, probabilities: list[float], class_names: list[str]) -> dict[str, Any]:
    best = max(range(len(class_names)), key=probabilities.__getitem__)
    named = {name: round(p, 6) for name, p in zip(class_names, probabilities, strict=True)}
    return {"item": name, "prediction": class_names[best], "probabilities": named}
