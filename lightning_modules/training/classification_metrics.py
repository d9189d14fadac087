"""The metrics of classification."""

from __future__ import annotations

from typing import Any

from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassPrecision, MulticlassRecall


def classification_metrics(num_classes: int) -> dict[str, Metric]:
    """Accuracy, and precision, recall and F1 averaged over classes with equal weight.

    A class that neither has items nor was predicted is left out of the average; one that was predicted without having
    items counts as 0.
    """
    options: dict[str, Any] = {"num_classes": num_classes, "validate_args": False}
    return {
        "accuracy": MulticlassAccuracy(average="micro", **options),
        "precision": MulticlassPrecision(average="macro", **options),
        "recall": MulticlassRecall(average="macro", **options),
        "f1": MulticlassF1Score(average="macro", **options),
    }
