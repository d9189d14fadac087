"""The figures of a model on labelled items, gathered a part at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from statistics import fmean
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from callbacks.log_confusion_matrix import count_pairs
from lightning_modules.training.answer import Answer, ClassProbabilities
from lightsmith.predictions.file import PredictionsFile
from lightsmith.predictions.trained_model import Answers
from lightsmith.records.interval import CERTAIN_ITEMS, wilson_interval
from lightsmith.records.per_class import DIGITS, per_class_figures

AVERAGED = ("precision", "recall", "f1")


class Evaluation(ABC):
    """Compares answers with labels, and writes a row for each.

    Args:
        answer: what the model's answers are like.
        file: where the rows go.
    """

    def __init__(self, answer: Answer, file: PredictionsFile) -> None:
        self.answer = answer
        self.file = file
        self.n = 0  # items that there is an answer to
        self.skipped: list[tuple[str, str]] = []

    def add(self, answers: Answers, labels: np.ndarray) -> None:
        """Take in the answers to some items.

        Args:
            labels: (items,), of the unreadable ones too.
        """
        self.n += len(answers.kept)
        self.compare(answers, labels[answers.kept])
        predictions = answers.by_position
        for position, (name, _) in enumerate(answers.inputs):
            label = self.answer.labelled(labels[position])
            if position in predictions:
                self.file.write(name, predictions[position], **label)
            else:
                self.skipped.append((name, answers.reasons[position]))
                self.file.write_error(name, answers.reasons[position], **label)

    @abstractmethod
    def compare(self, answers: Answers, labels: np.ndarray) -> None:
        """Count answers by how right they are.

        Args:
            labels: of those items that there is an answer to.
        """

    @abstractmethod
    def figures(self) -> dict[str, Any]:
        """Compute the figures that ``test`` has in a run's results.json, under the same names."""

    def per_class(self) -> list[dict[str, Any]]:
        """The figures of each class; none where there are no classes."""
        return []


class ClassEvaluation(Evaluation):
    """Counts answers by true and predicted class."""

    answer: ClassProbabilities

    def __init__(self, answer: ClassProbabilities, file: PredictionsFile) -> None:
        super().__init__(answer, file)
        classes = len(answer.class_names)
        self.counts = torch.zeros(classes, classes, dtype=torch.int64)  # rows are true classes
        self.loss = 0.0  # of all items together, in nats

    def compare(self, answers: Answers, labels: np.ndarray) -> None:
        if not len(labels):
            return
        truth = torch.from_numpy(labels)
        self.loss += F.cross_entropy(answers.outputs.double(), truth, reduction="sum").item()
        count_pairs(self.counts, truth, answers.outputs.argmax(1))

    def per_class(self) -> list[dict[str, Any]]:
        return per_class_figures(self.counts, self.answer.class_names)

    def figures(self) -> dict[str, Any]:
        accuracy = int(self.counts.diagonal().sum()) / self.n
        per_class = self.per_class()
        averages = {name: fmean(row[name] for row in per_class if row[name] is not None) for name in AVERAGED}
        figures = {"loss": self.loss / self.n, "accuracy": accuracy, **averages}
        rounded = {name: round(value, DIGITS) for name, value in figures.items()}
        if self.n >= CERTAIN_ITEMS:
            return {"n": self.n, **rounded}
        return {"n": self.n, **rounded, "interval": {"accuracy": wilson_interval(accuracy, self.n)}}


class ValueEvaluation(Evaluation):
    """Adds up how far values are from the true ones."""

    def __init__(self, answer: Answer, file: PredictionsFile) -> None:
        super().__init__(answer, file)
        self.labels: list[np.ndarray] = []
        self.predictions: list[np.ndarray] = []

    def compare(self, answers: Answers, labels: np.ndarray) -> None:
        self.labels.append(labels.astype(np.float64))
        self.predictions.append(answers.predictions.astype(np.float64))

    def figures(self) -> dict[str, Any]:
        truth, predictions = np.concatenate(self.labels), np.concatenate(self.predictions)
        errors = predictions[:, 0] - truth
        varied = float(((truth - truth.mean()) ** 2).sum())
        figures = {
            "rmse": float(np.sqrt((errors**2).mean())),
            "mae": float(np.abs(errors).mean()),
            "r2": 1 - float((errors**2).sum()) / varied if varied else float("nan"),
        }
        if "low" in self.answer.columns:
            figures["coverage"] = float(((predictions[:, 1] <= truth) & (truth <= predictions[:, 2])).mean())
        return {"n": self.n, **{name: round(value, DIGITS) for name, value in figures.items()}}


class SurpriseEvaluation(Evaluation):
    """Adds up the surprise at texts, which need no labels for it."""

    def __init__(self, answer: Answer, file: PredictionsFile) -> None:
        super().__init__(answer, file)
        self.loss = self.nats = self.tokens = 0.0

    def compare(self, answers: Answers, labels: np.ndarray) -> None:
        outputs = answers.outputs.double()
        self.loss += answers.predictions[:, 0].astype(np.float64).sum()
        self.nats += outputs[:, 0].sum().item()
        self.tokens += outputs[:, 1].sum().item()

    def figures(self) -> dict[str, Any]:
        figures = {"loss": self.loss / self.n, "perplexity": float(np.exp(self.nats / max(self.tokens, 1)))}
        return {"n": self.n, **{name: round(value, DIGITS) for name, value in figures.items()}}


EVALUATIONS: dict[str, type[Evaluation]] = {
    "classification": ClassEvaluation,
    "regression": ValueEvaluation,
    "masked_language_model": SurpriseEvaluation,
}
