"""Labels that are values: numbers on a scale."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from datamodules.sources.labels.labels import LabelColumn, Labelled, Labels
from datamodules.sources.source import Source
from datamodules.sources.stored_items import StoredLabels

VALUE_COLUMNS = ("value", "score", "label", "target", "rating")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class Values(Labels):
    """Numbers on a scale, float32."""

    target = "value"
    empty = "empty, or no numbers"

    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        return VALUE_COLUMNS

    def read(self, column: LabelColumn, notes: list[str]) -> Labelled:
        found = {split: _numbers(stored.labels) for split, stored in column.splits.items()}
        if np.isnan(found["train"]).all():
            text = next(iter(column.splits["train"].labels.values), "")
            raise ValueError(
                f"column {column.name!r} holds texts, such as {text!r}, and no numbers, which are written as in 3.5: "
                "name another column with --data.label_column, or give a Classifier as --model for classes"
            )
        labels = {split: numbers for split, numbers in found.items() if not np.isnan(numbers).all()}
        return Labelled([], labels)

    def why_none(self, text: str | None, column: str) -> str:
        return f"{column} is {text.strip()!r}, no number" if text and text.strip() else f"no {column}"

    def check(self, source: Source) -> None:
        for split, examples in source.splits.items():
            if not len(examples):
                raise ValueError(f"{source.origin} holds no {split} items")
        values = source.splits["train"].labels
        if values.min() == values.max():
            raise ValueError(
                f"all training items of {source.origin} have the value {values[0]:g}: nothing can be learnt"
            )

    def line(self, source: Source) -> str:
        s = summary(source.splits["train"].labels)
        return (
            f"values {s['least']:g} to {s['largest']:g}, mean {s['mean']:.4g}, standard deviation {s['deviation']:.4g}"
        )

    def record(self, source: Source) -> dict[str, Any]:
        return {"values": summary(source.splits["train"].labels)}


def summary(values: np.ndarray) -> dict[str, float]:
    """Mean, standard deviation, least and largest of values (n,), of which there is one or more."""
    exact = values.astype(np.float64)
    figures = {"mean": exact.mean(), "deviation": exact.std(), "least": exact.min(), "largest": exact.max()}
    return {name: float(f"{figure:.9g}") for name, figure in figures.items()}


def _numbers(labels: StoredLabels) -> np.ndarray:
    """The value of each row, float32 (n,); NaN for what is none."""
    texts = [text.strip() for text in labels.values]
    numbers = [float(text) if NUMBER.fullmatch(text) else np.nan for text in texts]
    with np.errstate(over="ignore"):  # a number too large for float32 is none
        values = np.array([*numbers, np.nan], np.float32)[labels.codes]
    return np.where(np.isfinite(values), values, np.float32(np.nan))
