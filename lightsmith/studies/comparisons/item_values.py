"""Scores of single test items, from predictions/test.parquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lightsmith.run_folder import PREDICTIONS

SCORE = "score"
TINY = 1e-9
PROBABILITY = "probability_"  # what the names of columns of classes begin with
LEAST_PROBABILITY = 1e-12  # one that float32 has rounded to 0
SAME = 1e-3  # how far a mean over the items may be from the recorded metric, as a share of it: it was summed in float32

Table = Any  # pyarrow's, which carries no types


def read_predictions(run: Path) -> Table | None:
    """The predictions of a run for its test items; None where it kept none, as runs of earlier versions."""
    path = run / PREDICTIONS
    table = pq.ParquetFile(path).read() if path.is_file() else None  # read_table would import pandas
    return table if table is not None and {"id", "label"} <= set(table.column_names) else None


def read_items(run: Path, metric: str, recorded: float) -> Table | None:
    """The test items of a run, without what it says of each class: ``id``, ``label`` and, where known, ``score``.

    Args:
        recorded: the metric in the run's results.json.
    """
    table = read_predictions(run)
    if table is None:
        return None
    values, items = item_values(table, metric, recorded), table.select(["id", "label"])
    if values is None:
        return items
    scores = pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)])  # pa.array imports pandas
    return items.append_column(SCORE, scores)


def item_scores(items: Table | None) -> np.ndarray | None:
    """The scores of a run's items, float64 (items,), if they are known."""
    return _column(items, SCORE) if items is not None and SCORE in items.column_names else None


def item_values(table: Table, metric: str, recorded: float) -> np.ndarray | None:
    """A value for each item, float64 (items,), whose mean is the metric; None where the metric is no such mean.

    Of RMSE and perplexity, which are functions of means, an item's value is how far the item moves them to first order
    (the delta method).

    Args:
        table: as ``read_predictions`` gives it.
        recorded: the metric in the run's results.json.
    """
    values = VALUES.get(metric)
    if values is None or not table.num_rows:
        return None
    try:
        found = values(table)
    except KeyError:  # a kind of task that has no such column
        return None
    return found if np.isclose(found.mean(), recorded, rtol=SAME, atol=TINY) else None


def _column(table: Table, name: str) -> np.ndarray:
    return _numbers(table, name).astype(np.float64)


def _numbers(table: Table, name: str) -> np.ndarray:
    """A column without copying it, and without pandas, which pyarrow's own way imports: half a second."""
    numbers: np.ndarray = np.from_dlpack(table.column(name).combine_chunks())
    return numbers


def _is_right(table: Table) -> np.ndarray:
    """1 where the most probable class is the item's, else 0; the first of several that are as probable."""
    columns = _class_columns(table)
    best, chosen = np.full(table.num_rows, -1.0), np.zeros(table.num_rows, int)
    for place, name in enumerate(columns):
        probability = _numbers(table, name)
        higher = probability > best
        best[higher], chosen[higher] = probability[higher], place
    return (chosen == _labels(table, columns)).astype(np.float64)


def _surprise(table: Table) -> np.ndarray:
    """Cross-entropy in nats: of classes, or of the hidden tokens of a text."""
    if "hidden_tokens" in table.column_names:
        return _column(table, "loss")
    columns = _class_columns(table)
    labels, probability = _labels(table, columns), np.zeros(table.num_rows)
    for place, name in enumerate(columns):
        mine = labels == place
        probability[mine] = _numbers(table, name)[mine]
    return -np.log(probability.clip(min=LEAST_PROBABILITY))


def _class_columns(table: Table) -> list[str]:
    names = [name for name in table.column_names if name.startswith(PROBABILITY)]
    if not names:
        raise KeyError(PROBABILITY)
    return names


def _labels(table: Table, columns: list[str]) -> np.ndarray:
    """The class of each item, as a place among the columns (items,)."""
    places = {name.removeprefix(PROBABILITY): place for place, name in enumerate(columns)}
    coded = table.column("label").combine_chunks().dictionary_encode()
    of_code = np.array([places[name] for name in coded.dictionary.to_pylist()], int)
    return of_code[np.from_dlpack(coded.indices)]


def _error(table: Table) -> np.ndarray:
    return _column(table, "value") - _column(table, "label")


def _rmse(table: Table) -> np.ndarray:
    squares = _error(table) ** 2
    root = np.sqrt(squares.mean())
    return root + (squares - squares.mean()) / (2 * root) if root else squares


def _covered(table: Table) -> np.ndarray:
    label = _column(table, "label")
    return ((_column(table, "low") <= label) & (label <= _column(table, "high"))).astype(np.float64)


def _perplexity(table: Table) -> np.ndarray:
    """The items' part in exp(nats / tokens), with nats and tokens each summed over the texts."""
    tokens = _column(table, "hidden_tokens")
    nats = _column(table, "loss") * tokens
    each = nats.sum() / tokens.sum()
    return np.exp(each) * (1 + (nats - each * tokens) / tokens.mean())


VALUES: dict[str, Callable[[Table], np.ndarray]] = {
    "accuracy": _is_right,
    "loss": _surprise,
    "rmse": _rmse,
    "mae": lambda table: np.abs(_error(table)),
    "coverage": _covered,
    "perplexity": _perplexity,
    "reconstruction_error": lambda table: _column(table, "reconstruction_error"),
}
