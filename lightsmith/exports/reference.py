"""The test split as a service compares its requests with: how bright or long items are, and what the model says.

Nothing here needs torch; `export` writes it, and a service reads it.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.preprocessing import ImagePreprocessing, Preprocessing, TextPreprocessing
from lightning_modules.training.answer import Answer, ClassProbabilities
from lightsmith.exports.exported_files import read_json

REFERENCE = "reference.json"
REFERENCE_ITEMS = 2000  # of the test split; more would make the comparison no surer
BINS = 10
LEAST_SHARE = 0.02  # of a class that is counted by itself; rarer ones are counted together
OTHERS = "others"
Value = float | str
Traits = dict[str, Value]  # of an item or of the answer to it, by signal


@dataclass(frozen=True)
class Signal:
    """The distribution of one trait: counts of items by bin.

    Args:
        counts: items in each bin.
        edges: between the bins of numbers, rising; a value on an edge is below it.
        names: of the bins of names, the last of which stands for all others.
    """

    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    def bin_of(self, value: Value) -> int:
        """The bin that a value falls into."""
        if not self.names:
            return bisect_left(self.edges, float(value))
        return self.names.index(str(value)) if value in self.names else len(self.names) - 1


Reference = dict[str, Signal]  # by signal


def input_traits(inputs: Sequence[np.ndarray], preprocessing: Preprocessing) -> dict[str, np.ndarray]:
    """The traits of some inputs, each float (n,): an image's mean brightness, a text's tokens and unknown share.

    Args:
        inputs: uint8 (n, C, H, W), or ids and mask, both int64 (n, T).
    """
    if isinstance(preprocessing, ImagePreprocessing):
        return {"brightness": inputs[0].mean(axis=(1, 2, 3)) / 255}
    if not isinstance(preprocessing, TextPreprocessing):
        return {}
    ids, mask = inputs
    length = mask.sum(axis=1)
    unknown = ((ids == preprocessing.unknown_id) & (mask == 1)).sum(axis=1)
    return {"length": length, "unknown_tokens": unknown / length}


def answer_traits(answer: Answer, prediction: np.ndarray) -> Traits:
    """The traits of a prediction (columns,): its class and confidence, or its first number."""
    if isinstance(answer, ClassProbabilities):
        best = int(prediction.argmax())
        return {"class": answer.class_names[best], "confidence": float(prediction[best])}
    return {answer.columns[0]: float(prediction[0])}


def traits_of(
    answer: Answer, preprocessing: Preprocessing, inputs: Sequence[np.ndarray], predictions: np.ndarray
) -> list[Traits]:
    """The traits of some items and of the answers to them.

    Args:
        predictions: float32 (n, columns).
    """
    columns = input_traits(inputs, preprocessing)
    return [
        {**{name: float(column[row]) for name, column in columns.items()}, **answer_traits(answer, prediction)}
        for row, prediction in enumerate(predictions)
    ]


def reference_of(found: Sequence[Traits]) -> Reference:
    """Sort traits into bins: ten of about as many items each, or the classes."""
    return {name: _signal([traits[name] for traits in found]) for name in found[0]} if found else {}


def _signal(values: Sequence[Value]) -> Signal:
    if isinstance(values[0], str):
        names, counts = np.unique(values, return_counts=True)
        common = [str(name) for name, count in zip(names, counts, strict=True) if count >= LEAST_SHARE * len(values)]
        draft = Signal((), names=(*common, OTHERS))
    else:
        numbers = np.asarray(values, float)
        edges = np.unique(np.quantile(numbers, np.arange(1, BINS) / BINS, method="inverted_cdf"))
        draft = Signal((), edges=tuple(map(float, edges)))
    bins = [draft.bin_of(value) for value in values]
    count = len(draft.names) or len(draft.edges) + 1
    return Signal(tuple(np.bincount(bins, minlength=count).tolist()), draft.edges, draft.names)


def write_reference(folder: Path, reference: Reference) -> None:
    """Write a reference as JSON."""
    content = {name: asdict(signal) for name, signal in reference.items()}
    (folder / REFERENCE).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_reference(folder: Path) -> Reference:
    """Read a reference; an export of an earlier version has none.

    Raises:
        ValueError: it is not what ``write_reference`` wrote.
    """
    if not (folder / REFERENCE).is_file():
        return {}
    content = read_json(folder / REFERENCE, dict)
    try:
        return {name: _checked(signal) for name, signal in content.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{REFERENCE} holds no distributions") from error


def _checked(given: Mapping[str, Any]) -> Signal:
    counts, edges, names = tuple(map(int, given["counts"])), tuple(map(float, given["edges"])), given["names"]
    if list(edges) != sorted(edges) or min(counts) < 0 or len(counts) != (len(names) or len(edges) + 1):
        raise ValueError("its bins do not fit")
    return Signal(counts, edges, tuple(map(str, names)))


def traits_of_batches(
    answer: Answer, preprocessing: Preprocessing, batches: Iterable[tuple[Sequence[np.ndarray], np.ndarray]]
) -> list[Traits]:
    """The traits of all items of some batches: inputs, and the model's outputs (n, …)."""
    return [
        traits
        for inputs, outputs in batches
        for traits in traits_of(answer, preprocessing, inputs, answer.predictions(outputs, inputs))
    ]
