"""A linear model on TF-IDF of words and pairs of words: what every other network on texts should beat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lightning_modules.classifier import Classifier
from lightning_modules.networks.tfidf_classifier import TfidfClassifier
from lightning_modules.training.task import Task

TEXTS_AT_ONCE = 512


class TextLinear(Classifier):
    """Logistic regression, by gradient descent, on how often and how rare the words and pairs of a text are.

    Args:
        vocabulary_size: number of token ids; the command line takes it from the data.
        pair_buckets: places for pairs of neighbouring words; those beyond share one. Each takes a weight a class.
    """

    network: TfidfClassifier

    def __init__(self, vocabulary_size: int, pair_buckets: int = 2**20, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        self.network = TfidfClassifier(len(self.class_names), vocabulary_size, pair_buckets)

    def on_fit_start(self) -> None:
        super().on_fit_start()
        count_once(self.network, self)


def count_once(network: TfidfClassifier, task: Task) -> None:
    """Count the words of the training texts, unless a resumed run or another run's weights bring the counts."""
    if not network.counted:
        network.count(_training_texts(task))


def _training_texts(task: Task) -> Iterator[tuple[Tensor, Tensor]]:
    """Ids and masks of all of them, also where several processes share the training; texts of like length together."""
    texts = task.trainer.datamodule.datasets["train"]  # type: ignore[attr-defined]
    for positions in torch.tensor(texts.lengths).argsort().split(TEXTS_AT_ONCE):
        batch = texts.__getitems__(positions.tolist())
        yield batch.input_ids.to(task.device), batch.attention_mask.to(task.device)
