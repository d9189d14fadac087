"""BERT-family encoders (Devlin et al. 2019) with a classification head."""

from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from lightning_modules.networks.encoders import encoder_from_config, load_encoder
from lightning_modules.networks.layers.dropout import FastDropout
from lightning_modules.networks.on_encoder import OnEncoder, build_from, initialize, prepare

Pooling = Literal["mean", "cls"]


class BertClassifier(OnEncoder):
    """Pools an encoder's last hidden states over the real tokens and classifies them.

    Args:
        encoder: a transformers model whose output has `last_hidden_state` (B, T, hidden_size).
        pooling: `"mean"` over the real tokens, as all-MiniLM was pretrained (Reimers & Gurevych 2019), or `"cls"`, the
            first token's state.
    """

    def __init__(self, encoder: PreTrainedModel, num_classes: int, dropout: float, pooling: Pooling = "mean") -> None:
        super().__init__()
        self.encoder = prepare(encoder)
        self.pooling = pooling
        self.dropout = FastDropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, num_classes)
        initialize(self.head)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (B, num_classes) from ids (B, T) int64 and their mask (B, T), 1 on real tokens."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = states[:, 0] if self.pooling == "cls" else _masked_mean(states, attention_mask)
        features = pooled.to(self.head.weight.dtype)  # not its own in 64-true and bf16-true
        logits: Tensor = self.head(self.dropout(features))
        return logits


def build_bert(
    weights: str,
    num_classes: int,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    pooling: Pooling = "mean",
) -> BertClassifier:
    """A pretrained encoder with a new head. Only safetensors are read, and no code from a checkpoint is run.

    Args:
        weights: `"minilm"` (all-MiniLM-L6-v2 from the installed package), a local folder, or a hub id.
        num_classes: width of the logits; 1 for a value.
        dropout: probability in [0, 1) on hidden states and on the pooled feature.
        attention_dropout: probability in [0, 1) on attention weights. Zero, unlike BERT's 0.1, because its mask has
            an element for every pair of tokens, and because it rules out torch's fused kernel in fp32.

    Raises:
        ValueError: for an argument outside its range, a folder without safetensors, weights that cannot be fetched,
            or a checkpoint whose encoder is incomplete or not of the BERT family.
    """
    _check_arguments(num_classes, pooling)
    return BertClassifier(load_encoder(weights, dropout, attention_dropout), num_classes, dropout, pooling)


def build_bert_from_config(
    config: dict[str, object],
    num_classes: int,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    pooling: Pooling = "mean",
) -> BertClassifier:
    """Build the module with random weights, to load a state_dict into without the original checkpoint or the hub.

    Args:
        config: `BertClassifier.config` of the module whose weights will be loaded.

    Raises:
        ValueError: for an argument outside its range, or a config without a known `model_type`.
    """
    _check_arguments(num_classes, pooling)
    return BertClassifier(encoder_from_config(config, dropout, attention_dropout), num_classes, dropout, pooling)


def bert_for(weights: str | None, config: dict[str, object] | None, **head: object) -> BertClassifier:
    """Build an encoder with a head for training: from a config if there is one, or else from pretrained weights.

    Raises:
        ValueError: neither is given, or one is wrong.
    """
    return build_from(weights, config, build_bert, build_bert_from_config, **head)


def _masked_mean(states: Tensor, attention_mask: Tensor) -> Tensor:
    mask = attention_mask.to(states.dtype)
    # ONNX Runtime adds up the tokens of one text in another order than those of several; in a product it does not. In
    # training the sum stays in fp32, which autocast would not let a product do.
    if torch.compiler.is_exporting():
        total = torch.bmm(mask[:, None], states).squeeze(1).float()
    else:
        total = (states * mask[:, :, None]).sum(1, dtype=torch.float32)
    return total / attention_mask.sum(1).clamp(min=1)[:, None]


def _check_arguments(num_classes: int, pooling: str) -> None:
    if num_classes < 1:
        raise ValueError(f"num_classes is {num_classes}; use an integer of at least 1.")
    if pooling not in ("mean", "cls"):
        raise ValueError(f'pooling is {pooling!r}; use "mean" or "cls".')
