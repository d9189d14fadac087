"""The metrics of classification."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


def classification_metrics(num_classes: int) -> dict[str, Metric]:
    """Accuracy, and precision, recall and F1 averaged over classes with equal weight.

    A class that neither has items nor was predicted is left out of the average; one that was predicted without having
    items counts as 0.
    """
    kinds = {"accuracy": Accuracy, "precision": Precision, "recall": Recall, "f1": F1}
    return {name: kind(num_classes) for name, kind in kinds.items()}


class OfCounts(Metric):
    """A metric of how many items each class has, how often it was predicted, and how often rightly.

    All that are of these counts share them in a MetricCollection, so that a batch costs one ``bincount``. torchmetrics'
    own, which give the same figures to the bit, count once for each kind of average.

    Attributes:
        counts: int64 (3 * classes + 1,), right predictions by class, items by class, predictions by class; the last
            number is of wrong predictions, and of no use.
    """

    counts: Tensor
    higher_is_better = True
    full_state_update = False

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.add_state("counts", torch.zeros(3 * num_classes + 1, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, outputs: Tensor, label: Tensor) -> None:
        """Take a batch into account.

        Args:
            outputs: logits or probabilities (B, classes).
            label: int64 (B,).
        """
        prediction, classes = outputs.argmax(1), self.num_classes
        right = label.where(prediction == label, 3 * classes)
        places = torch.cat([right, label + classes, prediction + 2 * classes])
        self.counts = self.counts + places.bincount(minlength=len(self.counts))

    def compute(self) -> Tensor:
        """The metric (), 0…1."""
        right, items, predicted = self.counts[:-1].view(3, self.num_classes)
        return self.of_counts(right, items, predicted)

    def of_counts(self, right: Tensor, items: Tensor, predicted: Tensor) -> Tensor:
        """The metric () of counts (classes,) each."""
        shares, known = self.of_classes(right, items, predicted), items + predicted > 0
        return _share(shares * known, known.sum()).sum()

    def of_classes(self, right: Tensor, items: Tensor, predicted: Tensor) -> Tensor:
        """Compute each class's share, of which the metric is the mean: (classes,)."""
        raise NotImplementedError


class Accuracy(OfCounts):
    """The share of items whose class is predicted."""

    def of_counts(self, right: Tensor, items: Tensor, predicted: Tensor) -> Tensor:
        return _share(right.sum(), items.sum())


class Precision(OfCounts):
    """The share of a class's predictions that are right, averaged over classes."""

    def of_classes(self, right: Tensor, items: Tensor, predicted: Tensor) -> Tensor:
        return _share(right, predicted)


class Recall(OfCounts):
    """The share of a class's items that are predicted, averaged over classes."""

    def of_classes(self, right: Tensor, items: Tensor, predicted: Tensor) -> Tensor:
        return _share(right, items)


class F1(OfCounts):
    """The harmonic mean of a class's precision and recall, averaged over classes."""

    def of_classes(self, right: Tensor, items: Tensor, predicted: Tensor) -> Tensor:
        return _share(2 * right, items + predicted)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """Divide numbers; 0 where there is nothing to divide by."""
    return torch.where(whole != 0, part / whole, 0.0)
