"""The tables that a run leaves of its errors in the test: which classes are taken for which, and the worst by name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback
from torch import Tensor

from callbacks.log_confusion_matrix import LogConfusionMatrix
from callbacks.log_worst_predictions import LogWorstPredictions, Mistake, WrongValue
from lightsmith.replace_file import replace_file
from lightsmith.run_folder import CONFUSION_MATRIX, WORST_PREDICTIONS

if TYPE_CHECKING:
    from datamodules.split_data import SplitData

WIDEST_MATRIX = 50  # classes; of more, only the pairs that occur are listed
SHOWN_CHARACTERS = 100  # of a text


def confusion_counts(callbacks: Sequence[Callback]) -> Tensor | None:
    """The confusion matrix of the test, int64 (classes, classes), rows are true; None if no callback counted."""
    counted = (callback.counts for callback in callbacks if isinstance(callback, LogConfusionMatrix))
    return next((counts for counts in counted if len(counts)), None)


def write_error_tables(callbacks: Sequence[Callback], data: Any, folder: Path) -> None:
    """Write the tables of what the callbacks of a test have counted and kept.

    Raises:
        OSError: the disk cannot be written.
    """
    if (counts := confusion_counts(callbacks)) is not None:
        _write(folder / CONFUSION_MATRIX, confusion_rows(counts, data.class_names))
    kept = next((callback for callback in callbacks if isinstance(callback, LogWorstPredictions)), None)
    if kept is not None and kept.target == "class":
        _write(folder / WORST_PREDICTIONS, mistake_rows(kept.worst, data, data.class_names))
    elif kept is not None and kept.target == "value":
        _write(folder / WORST_PREDICTIONS, wrong_value_rows(kept.worst, data))


def confusion_rows(counts: Tensor, class_names: Sequence[str]) -> list[list[Any]]:
    """A row for each true class, with a column for each predicted one; of many classes, a row for each pair found."""
    if len(class_names) <= WIDEST_MATRIX:
        rows = zip(class_names, counts.tolist(), strict=True)
        return [["label", *class_names], *([name, *row] for name, row in rows)]
    pairs = counts.nonzero().tolist()
    found = ([class_names[label], class_names[taken], int(counts[label, taken])] for label, taken in pairs)
    return [["label", "prediction", "count"], *found]


def mistake_rows(worst: Sequence[Mistake], data: SplitData, class_names: Sequence[str]) -> list[list[Any]]:
    """A row for each mistake, worst first; texts with their first words."""
    rows = [
        [
            data.item_name("test", mistake.position),
            class_names[mistake.label],
            class_names[mistake.prediction],
            f"{mistake.confidence:.6f}",
            f"{1 - mistake.regret:.6f}",
        ]
        for mistake in worst
    ]
    header = ["item", "label", "prediction", "confidence", "label_probability"]
    return _with_texts(header, rows, worst, data)


def wrong_value_rows(worst: Sequence[WrongValue], data: SplitData) -> list[list[Any]]:
    """A row for each value, the one that is farthest off first; texts with their first words."""
    rows = [
        [
            data.item_name("test", wrong.position),
            *(f"{number:.7g}" for number in (wrong.label, wrong.value, wrong.error)),
        ]
        for wrong in worst
    ]
    return _with_texts(["item", "label", "value", "error"], rows, worst, data)


def _with_texts(header: list[str], rows: list[list[Any]], worst: Sequence[Any], data: SplitData) -> list[list[Any]]:
    if getattr(data, "kind", "") != "text":
        return [header, *rows]
    texts = [" ".join(data.item("test", mistake.position).split())[:SHOWN_CHARACTERS] for mistake in worst]
    return [[*header, "text"], *([*row, text] for row, text in zip(rows, texts, strict=True))]


def _write(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file as UTF-8 with a byte order mark, by which spreadsheets know it."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    replace_file(path, file.getvalue().encode("utf-8-sig", errors="backslashreplace"))
