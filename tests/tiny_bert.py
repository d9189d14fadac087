"""Checkpoints of the BERT family that are small, random and complete with a tokenizer, and texts of its words."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, BertTokenizer

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": SIZES,
    "roberta": SIZES | {"pad_token_id": 0},
    "electra": SIZES | {"embedding_size": 8},
    "albert": SIZES | {"embedding_size": 8},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##s", *(f"word{i}" for i in range(34))]
MASK_ID, SPECIAL_IDS = 4, [0, 2, 3]


def tiny_config(family: str = "bert", positions: int = 64) -> dict[str, Any]:
    return {"model_type": family, "vocab_size": 40, "max_position_embeddings": positions, **FAMILIES[family]}


def save_tiny_bert(folder: Path, family: str = "bert", head: bool = True) -> str:
    """A checkpoint in a folder, with or without a head for hidden tokens."""
    torch.manual_seed(0)
    auto: Any = AutoModelForMaskedLM if head else AutoModel
    model = auto.from_config(AutoConfig.for_model(**tiny_config(family)))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    return str(folder)


def write_texts(path: Path, count: int, columns: dict[str, list[str]]) -> Path:
    """Sentences in which each word says which comes next, a JSON object a line; further columns take turns."""
    rng = random.Random(0)
    rows = []
    for n in range(count):
        first = rng.randrange(34)
        text = " ".join(f"word{(first + i) % 34}" for i in range(rng.randint(8, 20)))
        rows.append({"text": text, **{name: values[n % len(values)] for name, values in columns.items()}})
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path
