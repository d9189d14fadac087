"""What is measured of a classifier's predictions."""

from __future__ import annotations

from typing import Any, Literal

from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassPrecision, MulticlassRecall

Direction = Literal["min", "max"] | None  # whether lower or higher is better


def directions(metrics: MetricCollection) -> dict[str, Direction]:
    """Which values of each metric are better, by its name."""
    return {name: "max" if metric.higher_is_better else "min" for name, metric in metrics.items()}


def classification_metrics(num_classes: int, prefix: str) -> MetricCollection:
    """Accuracy, and precision, recall and F1 averaged over classes with equal weight.

    A class that neither has items nor was predicted is left out of the average; one that was predicted without having
    items counts as 0.
    """
    options: dict[str, Any] = {"num_classes": num_classes, "validate_args": False}
    return MetricCollection(
        {
            "accuracy": MulticlassAccuracy(average="micro", **options),
            "precision": MulticlassPrecision(average="macro", **options),
            "recall": MulticlassRecall(average="macro", **options),
            "f1": MulticlassF1Score(average="macro", **options),
        },
        prefix=prefix,
    )
