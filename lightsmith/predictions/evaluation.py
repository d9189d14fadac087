"""The figures of a model on labelled items, gathered a part at a time."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from callbacks.log_confusion_matrix import count_pairs
from lightsmith.predictions.file import PredictionsFile
from lightsmith.predictions.trained_model import Answers
from lightsmith.records.per_class import DIGITS, per_class_figures
from lightsmith.records.results import CERTAIN_ITEMS, wilson_interval

AVERAGED = ("precision", "recall", "f1")


class Evaluation:
    """Counts answers by true and predicted class, and writes a row for each.

    Args:
        class_names: in the order of the labels.
        file: where the rows go.
    """

    def __init__(self, class_names: Sequence[str], file: PredictionsFile) -> None:
        self.class_names = class_names
        self.file = file
        self.counts = torch.zeros(len(class_names), len(class_names), dtype=torch.int64)  # rows are true classes
        self.loss = 0.0  # of all items together, in nats
        self.skipped: list[tuple[str, str]] = []

    def add(self, answers: Answers, labels: np.ndarray) -> None:
        """Take in the answers to some items.

        Args:
            labels: int64 (items,), of the unreadable ones too.
        """
        truth = torch.from_numpy(labels[answers.kept])
        self.loss += F.cross_entropy(answers.logits.double(), truth, reduction="sum").item()
        count_pairs(self.counts, truth, answers.logits.argmax(1))
        probabilities = dict(zip(answers.kept.tolist(), answers.logits.softmax(1).numpy(), strict=True))
        for position, (name, _) in enumerate(answers.inputs):
            label = self.class_names[labels[position]]
            if position in probabilities:
                self.file.write(name, probabilities[position], label=label)
            else:
                self.skipped.append((name, answers.reasons[position]))
                self.file.write_error(name, answers.reasons[position], label=label)

    @property
    def n(self) -> int:
        """Items that were classified."""
        return int(self.counts.sum())

    def per_class(self) -> list[dict[str, Any]]:
        return per_class_figures(self.counts, self.class_names)

    def figures(self) -> dict[str, Any]:
        """Compute the figures that ``test`` has in a run's results.json, under the same names."""
        accuracy = int(self.counts.diagonal().sum()) / self.n
        per_class = self.per_class()
        averages = {name: fmean(row[name] for row in per_class if row[name] is not None) for name in AVERAGED}
        figures = {"loss": self.loss / self.n, "accuracy": accuracy, **averages}
        rounded = {name: round(value, DIGITS) for name, value in figures.items()}
        interval = {"interval": {"accuracy": wilson_interval(accuracy, self.n)}} if self.n < CERTAIN_ITEMS else {}
        return {"n": self.n, **rounded, **interval}
