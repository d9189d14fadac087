"""A recurrent network on film reviews, or self-attention of the same size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch

from lightning_modules.classifier import Classifier
from lightning_modules.networks.attention_classifier import AttentionClassifier
from lightning_modules.networks.encoders import word_vectors
from lightning_modules.networks.recurrent_classifiers import GRUClassifier, LSTMClassifier, RNNClassifier
from lightning_modules.networks.text_classifier import TextClassifier

NETWORKS: dict[str, tuple[type[TextClassifier], str]] = {  # and the size that makes it as large as another
    "lstm": (LSTMClassifier, "hidden_size"),
    "gru": (GRUClassifier, "hidden_size"),
    "rnn": (RNNClassifier, "hidden_size"),
    "attention": (AttentionClassifier, "feedforward_size"),
}


class ImdbLSTM(Classifier):
    """An embedding and an LSTM (Hochreiter & Schmidhuber 1997) over words, or another network of its size.

    Args:
        vocabulary_size: number of token ids; the command line takes it from the data.
        network: what reads the tokens. Another than lstm gets as many parameters as the LSTM of these sizes has.
        pretrained: a BERT-family checkpoint, such as minilm, whose token vectors are read instead of learnt ones. They
            stay fixed. Its tokenizer must be the data's (ReviewWordPieces); leave it unset for ReviewWords.
        pretrained_dim: width of such vectors, where a checkpoint brings them.
        embedding_dim: features per word.
        hidden_size: features per direction of the LSTM.
        num_layers: layers on top of each other.
        bidirectional: also read the review from its end; attention then looks at later words too.
        pooling: what is classified: the last state, or mean and maximum over the words.
        dropout: on the pooled features, 0…1.
        word_dropout: on whole words, 0…1.
    """

    network: TextClassifier
    pretrained_by = ("pretrained",)

    def __init__(
        self,
        vocabulary_size: int,
        network: Literal["lstm", "gru", "rnn", "attention"] = "lstm",
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
        sizes: dict[str, Any] = {
            "num_classes": len(self.class_names),
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "pooling": pooling,
            "dropout": dropout,
            "word_dropout": word_dropout,
            "pretrained_dim": pretrained_dim if vectors is None else vectors.shape[1],
        }
        self.network = build_network(network, sizes)
        if vectors is not None:
            if len(vectors) != vocabulary_size:
                raise ValueError(
                    f"model.pretrained={pretrained} has {len(vectors)} token vectors, the data has {vocabulary_size} "
                    "tokens; use datamodules.review_wordpieces.ReviewWordPieces, or set model.pretrained=null"
                )
            self.network.load_word_vectors(vectors)

    def restored_hyper_parameters(self) -> dict[str, Any]:
        return {**super().restored_hyper_parameters(), "pretrained_dim": self.network.pretrained_dim}


def build_network(name: str, sizes: dict[str, Any]) -> TextClassifier:
    """The network of that name, as large as the LSTM of these sizes.

    Raises:
        ValueError: a size out of its range, or no network of this kind is so small.
    """
    kind, adapted = NETWORKS[name]
    if kind is LSTMClassifier:
        return LSTMClassifier(**sizes)
    with torch.device("meta"):  # without memory
        target = count_reading(LSTMClassifier(**sizes))
        width = nearest_size(lambda width: count_reading(kind(**{**sizes, adapted: width})), target)
    return kind(**{**sizes, adapted: width})


def count_reading(network: TextClassifier) -> int:
    """Parameters of what reads and classifies: all but the vectors of tokens and their projection."""
    vectors = {*network.embedding.parameters(), *network.projection.parameters()}
    return sum(parameter.numel() for parameter in network.parameters() if parameter not in vectors)


def nearest_size(count: Callable[[int], int], target: int) -> int:
    """The size of at least 1 at which ``count``, which rises with it, is nearest to a target."""
    low, high = 1, 2
    while count(high) < target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < target else (low, middle)
    return low if target - count(low) < count(high) - target else high
