"""A recurrent network on film reviews."""

from __future__ import annotations

from typing import Any, Literal

from lightning_modules.classifier import Classifier
from lightning_modules.networks.lstm_classifier import LSTMClassifier


class ImdbLSTM(Classifier):
    """An embedding and an LSTM (Hochreiter & Schmidhuber 1997) over words.

    Args:
        vocabulary_size: number of word ids; the command line takes it from the data.
        embedding_dim: features per word.
        hidden_size: features per direction.
        num_layers: stacked LSTMs.
        bidirectional: also read the review from its end.
        pooling: what is classified: the last state, or mean and maximum over the words.
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
            num_classes=len(self.class_names),
            vocabulary_size=vocabulary_size,
            embedding_dim=embedding_dim,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            pooling=pooling,
            dropout=dropout,
            word_dropout=word_dropout,
        )
