"""Labels that are values: numbers as text become float32, and everything else is no value."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from datamodules.sources.labels.labels import LabelColumn, Labelled
from datamodules.sources.labels.values import Values, summary
from datamodules.sources.source import Examples, Source
from datamodules.sources.stored_items import StoredLabels


def read(**splits: list[str | None]) -> Labelled:
    column: dict[str, Any] = {}
    for split, labels in splits.items():
        values = list(dict.fromkeys(label for label in labels if label is not None))
        codes = np.array([-1 if label is None else values.index(label) for label in labels], np.int32)
        column[split] = SimpleNamespace(labels=StoredLabels(values, codes))
    return Values().read(LabelColumn("score", "text", None, column), [])


def source(*values: float) -> Source:
    return Source("file t.csv", [], {"train": Examples(list("abcdef")[: len(values)], np.array(values, np.float32))})


def test_numbers_are_read_however_they_are_written_and_what_is_none_has_no_value() -> None:
    labels = read(train=["1", " -2.5 ", "1e3", ".5", "", None, "high", "nan", "inf", "1e99"]).labels["train"]
    assert labels.dtype == np.float32
    assert labels[:4].tolist() == [1.0, -2.5, 1000.0, 0.5]
    assert Values().missing(labels).tolist() == [False] * 4 + [True] * 6


def test_a_split_without_values_has_no_labels_and_a_training_split_without_any_is_a_mistake() -> None:
    assert list(read(train=["1", "2"], test=["", None]).labels) == ["train"]
    with pytest.raises(ValueError, match="column 'score' holds texts, such as 'good', and no numbers"):
        read(train=["good", "bad"])


def test_values_that_are_all_the_same_teach_nothing() -> None:
    Values().check(source(1.0, 2.0))
    with pytest.raises(ValueError, match=r"all training items of file t\.csv have the value 3"):
        Values().check(source(3.0, 3.0))


def test_values_are_told_by_their_range_and_spread() -> None:
    assert Values().line(source(1.0, 2.0, 3.0)) == "values 1 to 3, mean 2, standard deviation 0.8165"
    assert summary(np.array([1.0, 3.0])) == {"mean": 2.0, "deviation": 1.0, "least": 1.0, "largest": 3.0}


def test_a_row_without_a_value_has_a_reason() -> None:
    assert Values().why_none("high ", "score") == "score is 'high', no number"
    assert Values().why_none(None, "score") == "no score"
