"""`classify`: class probabilities for new images or texts, from a run folder alone."""

from __future__ import annotations

import json
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
from datamodules.batching import batch_loader

BATCH_SIZE = 64


def classify(run: Path, input: Path, output: Path = Path("predictions.jsonl")) -> int:  # noqa: A002  # the option is --input
    """Classify images (a file or folder) or texts (.txt with one per line, .csv, .jsonl, or a folder of .txt files).

    Writes one JSON object per input, in order: item, prediction and probabilities by class name; or item and error for
    one that cannot be read.

    Args:
        run: a run folder such as runs/mnist_mlp/latest, a .ckpt file, or a folder that ``export`` wrote.
        input: what to classify.
        output: where to write.

    Returns:
        Exit code: 0, or 1 if any input could not be read.

    Raises:
        ValueError: no such run or input, or nothing in it to classify.
    """
    if not input.exists():
        raise ValueError(f"--input={input} does not exist")
    if output.exists() and output.samefile(input):
        raise ValueError(f"--output={output} would overwrite the input: name another file")
    probabilities_of, data, class_names = _load_exported(run) if is_exported(run) else _load_trained(run)
    inputs = data.read_inputs(input)
    items = [item for _, item in inputs]
    dataset, kept, unreadable = data.encode(items, np.zeros(len(items), dtype=np.int64), "inputs")
    probabilities = probabilities_of(dataset) if len(kept) else []
    reasons = iter(unreadable)
    predicted = dict(zip(kept.tolist(), probabilities, strict=True))
    # A name that is no UTF-8 is written as JSON escapes it.
    with output.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for position, (name, _) in enumerate(inputs):
            if position in predicted:
                row = _row(name, predicted[position], class_names)
            else:
                row = {"item": name, "error": next(reasons)[1]}
                print(printable(f"cannot read {name}: {row['error']}"), file=sys.stderr)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{len(kept)} of {len(inputs)} classified, written to {output}")
    return 1 if unreadable else 0


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
