from typing import Any

import pytest
import torch

from lightsmith.records.class_notes import class_results, class_rows


def results(counts: list[list[int]], names: list[str], **others: Any) -> dict[str, Any]:
    """As results.json has them, of a matrix with true classes in rows."""
    matrix = torch.tensor(counts)
    accuracy = float(matrix.diagonal().sum() / matrix.sum())
    rest = {"test": {"accuracy": accuracy}, "model": {"class_weights": []}, "fit": {"epochs": 9}}
    return {**rest, **class_results(matrix, names), **others}


def test_single_classes_and_the_largest_of_them_are_recorded() -> None:
    found = class_results(torch.tensor([[18, 2], [5, 15]]).repeat_interleave(1, 0), ["ant", "bee"])
    assert found["majority"] == {"class": "ant", "share": 0.5}
    ant, bee = found["per_class"]
    assert ant == {"class": "ant", "n": 20, "precision": round(18 / 23, 6), "recall": 0.9, "f1": round(36 / 43, 6)}
    assert bee["n"] == 20
    assert class_results(None, ["ant"]) == class_results(torch.zeros(2, 2, dtype=torch.int64), ["ant", "bee"]) == {}


def test_where_one_class_is_most_of_the_items_accuracy_is_said_to_say_little() -> None:
    rows = class_rows(results([[95, 0], [5, 0]], ["fine", "fraud"]))
    assert rows["note"].startswith("always saying 'fine' would be right in 95.0% of the test items, so accuracy says")
    assert "--model.class_weights=balanced" in rows["note"]
    weighed = class_rows(results([[95, 0], [5, 0]], ["fine", "fraud"], model={"class_weights": [0.5, 10]}))
    assert "recall (balanced accuracy) and f1." in weighed["note"]
    assert "--model.class_weights" not in weighed["note"]
    assert "note" not in class_rows(results([[60, 0], [5, 35]], ["fine", "fraud"]))
    worse = class_rows(results([[10, 50], [0, 40]], ["fine", "fraud"]))
    assert (
        worse["note"]
        == "always saying 'fine' would be right in 60.0% of the test items, and accuracy is not above that"
    )


def test_the_weakest_class_is_one_that_has_items() -> None:
    rows = class_rows(results([[20, 0, 1], [8, 12, 0], [0, 0, 0]], ["ant", "bee", "wasp"]))
    assert rows["weakest"].startswith("class 'bee': n 20, precision 1.0000, recall 0.6000, f1 0.7500")


@pytest.mark.parametrize(
    ("items", "line"),
    [
        ([9, 1], "class 'b' has 1 test item: its figures say little"),
        ([9, 4], "class 'b' has 4 test items: its figures say little"),
        ([9, 0], "class 'b' has 0 test items: its figures say little"),
        ([9, 5], None),
        ([1, 9, 2], "2 classes have fewer than 5 test items ('a' 1, 'c' 2): their figures say little"),
    ],
)
def test_a_class_with_few_test_items_is_said_to_be_one(items: list[int], line: str | None) -> None:
    rows = class_rows(results(torch.diag(torch.tensor(items)).tolist(), list("abc")[: len(items)]))
    assert rows.get("few items") == line


def test_of_a_thousand_rare_classes_a_handful_is_named() -> None:
    rows = class_rows(results(torch.eye(1000, dtype=torch.int64).tolist(), [f"class {n}" for n in range(1000)]))
    assert rows["few items"].startswith("1000 classes have fewer than 5 test items ('class 0' 1, ")
    assert len(rows["few items"]) < 200


def test_the_metric_that_chose_is_named_and_none_where_none_did() -> None:
    chosen = {"metric": "val/f1", "value": 0.83, "epoch": 7}
    assert class_rows(results([[9]], ["a"], best=chosen))["best"] == "epoch 7 of 9, by val/f1 0.8300"
    assert "best" not in class_rows(results([[9]], ["a"], best={"metric": None, "value": None, "epoch": 9}))
