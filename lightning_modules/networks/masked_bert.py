"""BERT-family encoders (Devlin et al. 2019) that guess hidden tokens, and how well they guess."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from lightning_modules.networks.encoders import (
    encoder_from_config,
    load_masked_encoder,
    load_tokenizer,
    token_vectors,
)
from lightning_modules.networks.layers.masking import MaskTokens
from lightning_modules.networks.on_encoder import OnEncoder, build_from, initialize, prepare

# By the names in checkpoints' configurations; ALBERT's approximates the same function by tanh.
ACTIVATIONS: dict[str, nn.Module] = {"gelu": nn.GELU(), "gelu_new": nn.GELU("tanh"), "relu": nn.ReLU()}
# What checkpoints call the parts of such a head: BERT, RoBERTa, DistilBERT, ELECTRA, ALBERT.
HEADS = (
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"),
    ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
    ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),
    ("generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head.bias"),
    ("predictions.dense", "predictions.LayerNorm", "predictions.bias"),
)


class TiedHead(nn.Module):
    """Scores every token of the vocabulary by a state, against the encoder's own token vectors.

    The vectors are handed in with each call: they belong to the encoder, and are trained and saved once.

    Args:
        hidden_size: features of a state.
        vector_size: features of a token vector, of which ALBERT and ELECTRA may have fewer.
        vocabulary_size: how many tokens there are.
        activation: one of ``ACTIVATIONS``.
        eps: of the layer norm.
    """

    def __init__(self, hidden_size: int, vector_size: int, vocabulary_size: int, activation: str, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_size, vector_size)
        if activation not in ACTIVATIONS:
            raise ValueError(f"hidden_act is {activation!r}, where only {', '.join(ACTIVATIONS)} are known.")
        self.activation = ACTIVATIONS[activation]
        self.norm = nn.LayerNorm(vector_size, eps=eps)
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        initialize(self.dense)

    def forward(self, states: Tensor, vectors: Tensor) -> Tensor:
        """Logits (…, vocabulary_size) of states (…, hidden_size), with vectors (vocabulary_size, vector_size)."""
        return F.linear(self.norm(self.activation(self.dense(states))), vectors, self.bias)

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin with a checkpoint's head, if it is of a known form.

        Args:
            tensors: of the head by name, as transformers names them.
        """
        for dense, norm, bias in HEADS:
            names = {f"{own}.{kind}": f"{theirs}.{kind}" for own, theirs in (("dense", dense), ("norm", norm))
                     for kind in ("weight", "bias")}  # fmt: skip
            names["bias"] = bias
            if all(name in tensors for name in names.values()):
                self.load_state_dict({own: tensors[name] for own, name in names.items()})


class MaskedBert(OnEncoder):
    """Hides some tokens of each text, and says how much the encoder is surprised by them.

    Only the states of hidden tokens go through the head, which is as wide as the vocabulary.

    Args:
        encoder: a transformers model whose output has `last_hidden_state` (B, T, hidden_size).
        masked_share: of a text's tokens that are to be guessed, above 0 and below 1.
        whole_words: hide all pieces of a word together.
    """

    def __init__(self, encoder: PreTrainedModel, masked_share: float = 0.15, whole_words: bool = False) -> None:
        super().__init__()
        prepare(encoder)
        config, vectors = encoder.config, token_vectors(encoder)
        self.masking = MaskTokens(vectors.num_embeddings, masked_share, whole_words)
        self.encoder = encoder
        self.head = TiedHead(
            config.hidden_size,
            vectors.embedding_dim,
            vectors.num_embeddings,
            getattr(config, "hidden_act", "gelu"),
            getattr(config, "layer_norm_eps", 1e-12),
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The surprise at the hidden tokens of each text, in nats together, and their number: float32 (B, 2).

        Args:
            input_ids: int64 (B, T).
            attention_mask: int64 (B, T), 1 on real tokens.
        """
        hidden = self.masking(input_ids, attention_mask)
        states = self.encoder(input_ids=hidden.input_ids, attention_mask=attention_mask).last_hidden_state
        places = hidden.positions[:, :, None].expand(-1, -1, states.shape[2])
        features = states.gather(1, places).to(self.head.dense.weight.dtype)  # not its own in 64-true and bf16-true
        logits = self.head(features, token_vectors(self.encoder).weight).float()
        wanted = input_ids.gather(1, hidden.positions)
        # Cross-entropy without a reshape, which would tie an exported network to one length of texts.
        nats = logits.logsumexp(2) - logits.gather(2, wanted[:, :, None])[:, :, 0]
        return torch.stack([(nats * hidden.chosen).sum(1), hidden.chosen.sum(1).float()], dim=1)


def build_masked_bert(
    weights: str,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    masked_share: float = 0.15,
    whole_words: bool = False,
) -> MaskedBert:
    """A pretrained encoder with its own head for hidden tokens, or a new one where the checkpoint has none.

    Args:
        weights: as in `encoders.load_encoder`; its tokenizer says which id hides others.
        dropout: probability in [0, 1) on hidden states.
        attention_dropout: the same on attention weights.
        masked_share, whole_words: as in `MaskedBert`.

    Raises:
        ValueError: as `encoders.load_encoder`, or for a tokenizer without a token that hides others.
    """
    encoder, head = load_masked_encoder(weights, dropout, attention_dropout)
    tokenizer = load_tokenizer(weights)
    if tokenizer.mask_token_id is None:
        raise ValueError(f"weights is {weights!r}: its tokenizer has no mask token. Use a checkpoint such as minilm.")
    network = MaskedBert(encoder, masked_share, whole_words)
    network.head.take(head)
    special = {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id} - {None}
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    network.masking.know_tokens(tokens, tokenizer.mask_token_id, sorted(special))
    return network


def build_masked_bert_from_config(
    config: dict[str, object],
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    masked_share: float = 0.15,
    whole_words: bool = False,
) -> MaskedBert:
    """Build the module with random weights, to load a state_dict into without the original checkpoint or the hub.

    Args:
        config: `MaskedBert.config` of the module whose weights will be loaded.

    Raises:
        ValueError: for an argument outside its range, or a config without a known `model_type`.
    """
    return MaskedBert(encoder_from_config(config, dropout, attention_dropout), masked_share, whole_words)


def masked_bert_for(weights: str | None, config: dict[str, object] | None, **options: object) -> MaskedBert:
    """Build an encoder that guesses hidden tokens, for training: from a config if there is one, or else from weights.

    Raises:
        ValueError: neither is given, or one is wrong.
    """
    return build_from(weights, config, build_masked_bert, build_masked_bert_from_config, **options)
