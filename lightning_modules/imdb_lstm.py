"""A recurrent network on film reviews."""

from __future__ import annotations

from typing import Any, Literal

from lightning_modules.classifier import Classifier
from lightning_modules.networks.bert import word_vectors
from lightning_modules.networks.lstm_classifier import LSTMClassifier


class ImdbLSTM(Classifier):
    """An embedding and an LSTM (Hochreiter & Schmidhuber 1997) over words.

    Args:
        vocabulary_size: number of token ids; the command line takes it from the data.
        pretrained: a BERT-family checkpoint, such as minilm, whose token vectors are read instead of learnt ones. They
            stay fixed. Its tokenizer must be the data's (ReviewWordPieces); leave it unset for ReviewWords.
        pretrained_dim: width of such vectors, where a checkpoint brings them.
        embedding_dim: features per word.
        hidden_size: features per direction.
        num_layers: stacked LSTMs.
        bidirectional: also read the review from its end.
        pooling: what is classified: the last state, or mean and maximum over the words.
        dropout: on the pooled features, 0…1.
        word_dropout: on whole words, 0…1.
    """

    network: LSTMClassifier
    pretrained_by = ("pretrained",)

    def __init__(
        self,
        vocabulary_size: int,
        pretrained: str | None = None,
        pretrained_dim: int | None = None,
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
        vectors = None if pretrained is None else word_vectors(pretrained)
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
            pretrained_dim=pretrained_dim if vectors is None else vectors.shape[1],
        )
        if vectors is not None:
            if len(vectors) != vocabulary_size:
                raise ValueError(
                    f"model.pretrained={pretrained} has {len(vectors)} token vectors, the data has {vocabulary_size} "
                    "tokens; use datamodules.review_wordpieces.ReviewWordPieces, or set model.pretrained=null"
                )
            self.network.load_word_vectors(vectors)

    def restored_hyper_parameters(self) -> dict[str, Any]:
        return {**super().restored_hyper_parameters(), "pretrained_dim": self.network.pretrained_dim}
