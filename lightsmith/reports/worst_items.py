"""The test items that a model is most wrong about, with what the run's folder and its data still show of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from lightsmith.records.results import Results
from lightsmith.reports.parts import DIGITS, Part
from lightsmith.reports.seen_items import SeenItem, look_at
from lightsmith.run_folder import PREDICTIONS, WORST_PREDICTIONS

MOST_ITEMS = 24
LONGEST_TEXT = 600  # characters
NUMBERS = {"confidence", "label_probability", "value", "error"}  # columns of worst_predictions.csv
# Of tasks without labels: the column of the predictions by which items are the worst, and how it is called.
ERRORS = {"autoencoder": "reconstruction_error", "masked_language_model": "loss"}


class Worst(NamedTuple):
    """The worst items, worst first: names of columns, a row of cells each, and texts where the file has them."""

    columns: list[str]
    rows: list[list[Any]]
    texts: list[str | None]


def worst_parts(run: Path, results: Results) -> list[Part]:
    """A card for each of the worst items; nothing where a run has kept none."""
    worst = _largest_errors(run, ERRORS[results.task]) if results.task in ERRORS else _recorded(run)
    if worst is None or not worst.rows:
        return []
    seen, reason = look_at(run, [row[0] for row in worst.rows])
    cards = [_card(row, text, seen.get(row[0])) for row, text in zip(worst.rows, worst.texts, strict=True)]
    numbers = {*NUMBERS, *ERRORS.values()}
    columns = [
        {"name": name.replace("_", " "), "as": "metric" if name in numbers else "text"} for name in worst.columns[1:]
    ]
    about = f"The {len(cards)} test items that the model is most wrong about, worst first."
    if reason:
        lacking = "Only their first words are shown" if any(worst.texts) else "Their contents are not shown"
        about = f"{about} {lacking}: {reason}."
    return [{"kind": "items", "title": "the worst items", "about": about, "columns": columns, "items": cards}]


def _recorded(run: Path) -> Worst | None:
    """The first rows of worst_predictions.csv; None without it."""
    path = run / WORST_PREDICTIONS
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8-sig") as file:
        heading, *rows = csv.reader(file)
    columns = [name for name in heading if name != "text"]
    texts = [row[len(columns)] if len(row) > len(columns) else None for row in rows]
    cells = [
        [float(cell) if name in NUMBERS and cell else cell for name, cell in zip(columns, row, strict=False)]
        for row in rows
    ]
    return Worst(columns, cells[:MOST_ITEMS], texts[:MOST_ITEMS])


def _largest_errors(run: Path, column: str) -> Worst | None:
    """The items with the largest errors among the predictions; None without them."""
    if not (run / PREDICTIONS).is_file():
        return None
    table = pq.read_table(run / PREDICTIONS, columns=["item", column])
    errors = table[column].to_numpy()
    worst = np.argsort(-errors, kind="stable")[:MOST_ITEMS].tolist()
    names = table["item"].take(worst).to_pylist()
    rows = [[name, float(f"{errors[place]:.{DIGITS}g}")] for name, place in zip(names, worst, strict=True)]
    return Worst(["item", column], rows, [None] * len(rows))


def _card(row: Sequence[object], text: str | None, seen: SeenItem | None) -> dict[str, Any]:
    """Show an item's image or text on the page."""
    whole = text if seen is None or seen.text is None else seen.text
    if whole is not None and len(whole) > LONGEST_TEXT:
        whole = f"{whole[:LONGEST_TEXT]} …"
    card: dict[str, Any] = {"name": row[0], "cells": list(row[1:])}
    if whole is not None:
        card["text"] = whole
    if seen is not None and seen.image is not None:
        card |= {"image": seen.image, "small": seen.small, "alt": f"{row[0]}, a test item"}
    return card
