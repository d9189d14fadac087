from typing import Any

import pytest
import torch
from torchmetrics.functional.classification import multiclass_f1_score, multiclass_precision, multiclass_recall

from lightsmith.records.per_class import per_class_figures

# Of a no item is there and none is predicted; d is predicted once and has no item; c has items and is never predicted.
LABELS = torch.tensor([1, 1, 1, 2, 2, 4, 4, 4])
PREDICTIONS = torch.tensor([1, 1, 4, 1, 3, 4, 4, 1])


def figures() -> list[dict[str, Any]]:
    counts = torch.bincount(LABELS * 5 + PREDICTIONS, minlength=25).view(5, 5)
    return per_class_figures(counts, ["a", "b", "c", "d", "e"])


def test_each_class_has_its_items_and_figures() -> None:
    none, b, c, d, e = figures()
    assert none == {"class": "a", "n": 0, "precision": None, "recall": None, "f1": None}
    assert b == {"class": "b", "n": 3, "precision": 0.5, "recall": 0.666667, "f1": 0.571429}
    assert c == {"class": "c", "n": 2, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert d == {"class": "d", "n": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert (e["n"], e["precision"], e["recall"]) == (3, 0.666667, 0.666667)


def test_their_mean_is_the_macro_average() -> None:
    metrics = {"precision": multiclass_precision, "recall": multiclass_recall, "f1": multiclass_f1_score}
    for name, metric in metrics.items():
        found = [row[name] for row in figures() if row[name] is not None]
        expected = metric(PREDICTIONS, LABELS, num_classes=5, average="macro").item()
        assert sum(found) / len(found) == pytest.approx(expected, abs=1e-5)
