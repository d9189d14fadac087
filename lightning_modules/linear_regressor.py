"""A linear model on TF-IDF that reads a value off a text, such as a score: what every other regressor should beat."""

from __future__ import annotations

from typing import Any

from lightning_modules.networks.tfidf_classifier import TfidfClassifier
from lightning_modules.regressor import Regressor
from lightning_modules.text_linear import count_once


class LinearRegressor(Regressor):
    """The network of text_linear with a single output, for own texts with a column of numbers.

    Args:
        vocabulary_size: number of token ids; the command line takes it from the data.
        pair_buckets: places for pairs of neighbouring words; those beyond share one.
    """

    network: TfidfClassifier

    def __init__(self, vocabulary_size: int, pair_buckets: int = 2**20, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        self.network = TfidfClassifier(self.width, vocabulary_size, pair_buckets)

    def on_fit_start(self) -> None:
        super().on_fit_start()
        count_once(self.network, self)
