"""Labels that are classes: names in one order; numbers that may be values are asked about."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from datamodules.sources.labels.classes import MOST_NUMBERS, Classes, class_list
from datamodules.sources.labels.labels import LabelColumn
from datamodules.sources.stored_items import StoredLabels


def read(notes: list[str], declared: list[str] | None = None, numbers: bool = False, **splits: list[str]) -> Any:
    column: dict[str, Any] = {}
    for split, labels in splits.items():
        values = list(dict.fromkeys(labels))
        codes = np.array([values.index(label) for label in labels], np.int32)
        items = SimpleNamespace(present=np.ones(len(labels), bool))
        column[split] = SimpleNamespace(labels=StoredLabels(values, codes), items=items)
    return Classes(numbers).read(LabelColumn("label", "text", declared, column), notes)


def test_labels_are_the_places_of_their_classes_in_every_split() -> None:
    found = read([], train=["b", "a", "b"], test=["a"])
    assert found.class_names == ["a", "b"]
    assert {split: labels.tolist() for split, labels in found.labels.items()} == {"train": [1, 0, 1], "test": [0]}


def test_the_order_that_a_table_declares_counts() -> None:
    assert read([], declared=["b", "a"], train=["a", "b"]).class_names == ["b", "a"]


def test_a_class_that_no_training_item_has_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="the test split has label='c', which is not among the training labels"):
        read([], train=["a", "b"], test=["c"])


def test_many_numbers_are_asked_about_and_few_are_taken_for_classes_with_a_word() -> None:
    many = [str(n) for n in range(0, 2 * MOST_NUMBERS + 2, 2)]
    with pytest.raises(ValueError, match=r"which is meant, classes or values\?"):
        read([], train=many)
    assert len(read([], numbers=True, train=many).class_names) == len(many)
    notes: list[str] = []
    read(notes, train=["1", "3", "5"])
    assert notes[0].startswith("the numbers in label (1, 3, 5) are taken for classes")
    counted: list[str] = []
    read(counted, train=["0", "1", "2"])
    assert counted == []


def test_names_that_a_list_would_hide_are_quoted() -> None:
    assert class_list(["a", "b, c", ""]) == '3 classes: a, "b, c", ""'
