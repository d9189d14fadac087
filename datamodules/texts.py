"""Text data: token ids padded to the longest of their own batch."""

from __future__ import annotations

import csv
import json
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.classification_data import ClassificationData
from datamodules.samples import film_reviews
from datamodules.sources import TABLE_SUFFIXES, Source, load_table

TEXT_COLUMNS = ("text", "review", "sentence", "content", "comment")
PADDING_TOKENS = ("[PAD]", "<pad>")
LABEL_COLUMNS = ("label", "labels", "sentiment", "target", "class", "category")


class TextBatch(NamedTuple):
    """input_ids, attention_mask: int64 (B, T), right-padded; label, index: int64 (B,), index as in the split."""

    input_ids: Tensor
    attention_mask: Tensor
    label: Tensor
    index: Tensor

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.input_ids, self.attention_mask)


class InMemoryTexts(Dataset[TextBatch]):
    """All tokens in one int32 tensor; a batch gathers its rows and pads them to the longest."""

    def __init__(self, token_ids: list[list[int]], labels: np.ndarray, pad_id: int) -> None:
        self.lengths = [len(ids) for ids in token_ids]
        self.tokens = torch.tensor([token for ids in token_ids for token in ids], dtype=torch.int32)
        self.ends = torch.tensor(self.lengths).cumsum(0)
        self.labels = torch.from_numpy(labels)
        self.pad_id = pad_id

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> TextBatch:
        index = torch.tensor(indices)
        lengths = torch.tensor([self.lengths[i] for i in indices])
        columns = torch.arange(int(lengths.max()))
        mask = columns < lengths[:, None]
        positions = torch.where(mask, (self.ends[index] - lengths)[:, None] + columns, 0)
        input_ids = torch.where(mask, self.tokens[positions].long(), self.pad_id)
        return TextBatch(input_ids, mask.long(), self.labels[index], index)


class TextData(ClassificationData):
    """Film reviews, or any labelled texts from Parquet, CSV or JSON.

    Args:
        max_tokens: longer texts keep their head and their tail, together so many tokens.
        head_fraction: share of ``max_tokens`` that comes from the head (Sun et al. 2019 keep 128 of 512).
        text_column: column of a table that holds the texts; ``text`` and its common synonyms when unset.
        label_column: column that holds the labels; ``label`` and its common synonyms when unset.
    """

    hub_name = "stanfordnlp/imdb"
    kind = "text"

    def __init__(
        self,
        max_tokens: int = 256,
        head_fraction: float = 0.25,
        text_column: str | None = None,
        label_column: str | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if max_tokens < 2:
            raise ValueError(f"data.max_tokens={max_tokens} must be at least 2")
        if not 0 <= head_fraction <= 1:
            raise ValueError(f"data.head_fraction={head_fraction} must lie in 0…1")
        self.max_tokens = max_tokens
        self.head_tokens = round(head_fraction * max_tokens)
        self.text_columns = (text_column,) if text_column else TEXT_COLUMNS
        self.label_columns = (label_column,) if label_column else LABEL_COLUMNS

    @abstractmethod
    def build_tokenizer(self) -> Tokenizer:
        """The tokenizer of a new experiment; a restored one comes from the checkpoint."""

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return self.build_tokenizer()

    @property
    def vocabulary_size(self) -> int:
        return self.tokenizer.get_vocab_size()

    def state_dict(self) -> dict[str, Any]:
        """The tokenizer as JSON, so that a checkpoint alone can classify new texts."""
        return {"tokenizer": self.tokenizer.to_str()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.tokenizer = Tokenizer.from_str(state_dict["tokenizer"])

    def load_sample(self) -> Source:
        return film_reviews()

    def load_hub(self) -> Source:
        return load_table(self.hub_name, self.kind, self.text_columns, self.label_columns)

    def load_path(self, path: Path) -> Source:
        if not any(p.suffix.lower() in TABLE_SUFFIXES for p in ([path] if path.is_file() else path.rglob("*"))):
            raise ValueError(f"data.source={str(path)!r} holds no {' '.join(TABLE_SUFFIXES)} file")
        return load_table(path, self.kind, self.text_columns, self.label_columns)

    def encode(
        self, items: Sequence[str], labels: np.ndarray, title: str
    ) -> tuple[Dataset[Any], np.ndarray, list[tuple[str, str]]]:
        kept = np.array([i for i, text in enumerate(items) if isinstance(text, str)], dtype=np.int64)
        skipped = [(f"{title} row {i}", "no text") for i, text in enumerate(items) if not isinstance(text, str)]
        pad_ids = (self.tokenizer.token_to_id(token) for token in PADDING_TOKENS)
        pad_id = next((pad_id for pad_id in pad_ids if pad_id is not None), 0)
        return InMemoryTexts(self._token_ids([items[i] for i in kept]), labels[kept], pad_id), kept, skipped

    def _token_ids(self, texts: list[str]) -> list[list[int]]:
        """Head and tail of each text's ids. Special tokens stand at the ends, so they survive the cut."""
        self.tokenizer.no_truncation()
        tail = self.max_tokens - self.head_tokens
        encoded = (encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts))
        return [
            ids if len(ids) <= self.max_tokens else ids[: self.head_tokens] + ids[len(ids) - tail :] for ids in encoded
        ]

    def read_inputs(self, path: Path) -> list[tuple[str, Any]]:
        if path.is_dir():
            files = sorted(path.rglob("*.txt"))
            inputs = [(str(p), p.read_text("utf-8", "replace")) for p in files]
        else:
            inputs = [(f"{path}:{line}", text) for line, text in self._file_texts(path)]
        if not inputs:
            raise ValueError(f"{path} holds no texts: give a .txt, .csv or .jsonl file, or a folder of .txt files")
        return inputs

    def _file_texts(self, path: Path) -> list[tuple[int, Any]]:
        """(line number, text) of a file; a text that cannot be found is None."""
        suffix = path.suffix.lower()
        with path.open(encoding="utf-8", errors="replace", newline="" if suffix == ".csv" else None) as file:
            if suffix == ".txt":
                return [(n, line.rstrip("\n")) for n, line in enumerate(file, 1)]
            if suffix == ".jsonl":
                return [(n, self._text_of(_json_object(line))) for n, line in enumerate(file, 1)]
            if suffix == ".csv":
                return [(n, self._text_of(row)) for n, row in enumerate(csv.DictReader(file), 2)]
        raise ValueError(f"{path} is not a .txt, .csv or .jsonl file")

    def _text_of(self, row: dict[str, Any]) -> Any:
        return next((row[name] for name in self.text_columns if row.get(name) is not None), None)


def _json_object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {"text": value}
