"""Predictions of the test split, read from predictions/test.parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from lightsmith.run_folder import PREDICTIONS

ROWS_AT_ONCE = 4096  # so that 1,000 probabilities of each of many items need little memory


class ClassOutcomes(NamedTuple):
    """The most probable class of each test item.

    Attributes:
        confidence: float64 (n,), its probability.
        right: bool (n,), whether it is the true one.
    """

    confidence: np.ndarray
    right: np.ndarray


def has_outcomes(run: Path) -> bool:
    """Return whether a run has kept what was said of its test items."""
    return (run / PREDICTIONS).is_file()


def read_class_outcomes(run: Path) -> ClassOutcomes:
    """The outcomes of a classifier, in the order of the file."""
    file = pq.ParquetFile(run / PREDICTIONS)
    names = json.loads(file.schema_arrow.metadata[b"answer"])["class_names"]
    confidence, right = [np.empty(0)], [np.empty(0, bool)]
    for batch in file.iter_batches(ROWS_AT_ONCE, columns=["label", *(f"probability_{name}" for name in names)]):
        probabilities = np.stack([column.to_numpy() for column in batch.columns[1:]], axis=1)
        best = probabilities.argmax(1)
        confidence.append(probabilities.max(1).astype(np.float64))
        said = [names[place] for place in best.tolist()]
        labels = batch.column(0).to_pylist()
        right.append(np.array([a == b for a, b in zip(said, labels, strict=True)], bool))
    return ClassOutcomes(np.concatenate(confidence), np.concatenate(right))


def read_columns(run: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of numbers, float64 (n,), those of the wanted ones that there are."""
    file = pq.ParquetFile(run / PREDICTIONS)
    there = [name for name in wanted if name in file.schema_arrow.names]
    table = file.read(columns=there)
    return {name: table[name].to_numpy().astype(np.float64) for name in there}
