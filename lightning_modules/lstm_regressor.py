"""A recurrent network that reads a value off a text, such as a score."""

from __future__ import annotations

from typing import Any, Literal

from lightning_modules.networks.recurrent_classifiers import LSTMClassifier
from lightning_modules.regressor import Regressor


class LSTMRegressor(Regressor):
    """The network of imdb_lstm with a single output, for own texts with a column of numbers.

    Args:
        vocabulary_size: number of token ids; the command line takes it from the data.
        embedding_dim: features per word.
        hidden_size: features per direction.
        num_layers: stacked LSTMs.
        bidirectional: also read the text from its end.
        pooling: what the value is read off: the last state, or mean and maximum over the words.
        dropout: on the pooled features, 0…1.
        word_dropout: on whole words, 0…1.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_dim: int = 64,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: Literal["last", "mean_max"] = "mean_max",
        dropout: float = 0.5,
        word_dropout: float = 0.2,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        self.network = LSTMClassifier(
            num_classes=self.width,
            vocabulary_size=vocabulary_size,
            embedding_dim=embedding_dim,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            pooling=pooling,
            dropout=dropout,
            word_dropout=word_dropout,
        )
