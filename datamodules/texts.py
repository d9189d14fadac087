"""Text data: token ids padded to about the longest of their own batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from tokenizers import Tokenizer
from torch.utils.data import Dataset
from tqdm.auto import tqdm

from datamodules.batches.augmentation import delete_tokens
from datamodules.batches.texts import EncodedTexts, TextBatch, map_tokens
from datamodules.preprocessing import TextPreprocessing
from datamodules.sources.folders.plain_texts import is_plain_text, load_plain_texts
from datamodules.sources.folders.text_folders import holds_text_folders, load_text_folder
from datamodules.sources.samples import film_reviews
from datamodules.sources.source import Source
from datamodules.sources.tables.columns import Column, as_columns
from datamodules.sources.tables.files import holds_tables
from datamodules.sources.text_files import read_texts
from datamodules.sources.text_rows import Reading
from datamodules.table_data import TableData

LABEL_COLUMNS = ("label", "labels", "sentiment", "target", "class", "category")
TEXT_COLUMNS = ("text", "review", "sentence", "content", "comment")
# An encoding takes far more memory than the text, and the text than its ids.
TEXTS_AT_ONCE = 1000
CHARACTERS_AT_ONCE = 3_000_000
SAMPLE_TEXTS = 200
MUCH_UNKNOWN = 0.5  # share of the tokens


class TextData(TableData):
    """Film reviews, or any labelled texts from Parquet, CSV or JSON.

    Args:
        max_tokens: longer texts keep their head and their tail, together this many tokens.
        head_fraction: share of ``max_tokens`` that comes from the head (Sun et al. 2019 keep 128 of 512).
        token_deletion: share of the tokens of a training text that are left out, drawn anew each time (0…1).
        text_column: column of a table that holds the texts; ``text`` and its common synonyms when unset. Of a list such
            as [subject,body] the texts are joined, with a blank line between them.
    """

    hub_name = "stanfordnlp/imdb@e6281661ce1c48d982bc483cf8a173c1bbeb5d31"
    kind = "text"
    class_columns = LABEL_COLUMNS

    def __init__(
        self,
        max_tokens: int = 256,
        head_fraction: float = 0.25,
        token_deletion: float = 0.0,
        text_column: str | list[str | int] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if max_tokens < 2:
            raise ValueError(f"data.max_tokens={max_tokens} must be at least 2")
        if not 0 <= head_fraction <= 1:
            raise ValueError(f"data.head_fraction={head_fraction} must lie in 0…1")
        if not 0 <= token_deletion < 1:
            raise ValueError(f"data.token_deletion={token_deletion} must lie in [0, 1)")
        self.max_tokens = max_tokens
        self.token_deletion = token_deletion
        self.head_tokens = min(max(round(head_fraction * max_tokens), 1), max_tokens - 1)
        self.text_columns: Sequence[Column] = as_columns(text_column, TEXT_COLUMNS)

    @property
    def augments(self) -> bool:
        return self.token_deletion > 0

    @abstractmethod
    def build_tokenizer(self) -> Tokenizer:
        """The tokenizer of a new experiment; a restored one comes from the checkpoint."""

    @cached_property
    def preprocessing(self) -> TextPreprocessing:
        """The steps from a text to the network's input."""
        return TextPreprocessing(self.build_tokenizer().to_str(), self.max_tokens, self.head_tokens)

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer as an object, which nothing may change."""
        return self.preprocessing.library

    @property
    def vocabulary_size(self) -> int:
        return self.tokenizer.get_vocab_size()

    def state_dict(self) -> dict[str, Any]:
        """The tokenizer as JSON, and the rest as plain values, so that a checkpoint alone can classify new texts."""
        return {"tokenizer": self.preprocessing.tokenizer, "preprocessing": self.preprocessing.settings}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a checkpoint's preprocessing, but for the numbers of tokens, which options say.

        Raises:
            ValueError: this version does not do what it asks for.
        """
        self.preprocessing = TextPreprocessing.restored(
            state_dict.get("preprocessing", {"kind": self.kind}),  # older ones have nothing but the tokenizer
            tokenizer=state_dict["tokenizer"],
            max_tokens=self.max_tokens,
            head_tokens=self.head_tokens,
        )

    def load_sample(self) -> Source:
        return film_reviews()

    @property
    def item_columns(self) -> Sequence[Column]:
        return self.text_columns

    def load_path(self, path: Path) -> Source:
        if self.labels.target == "nothing" and not (path.is_dir() and holds_tables(path)) and is_plain_text(path):
            return load_plain_texts(path, self.cache, self.delimited.encoding)
        if path.is_dir() and not holds_tables(path) and holds_text_folders(path):
            return load_text_folder(path, self.cache)
        return self.load_tables(path)

    def encode(
        self, items: Sequence[str | None], labels: np.ndarray, title: str
    ) -> tuple[Dataset[Any], np.ndarray, list[tuple[str, str]]]:
        def build(folder: Path) -> None:
            lengths = []
            with (folder / "tokens.int32").open("wb") as file:
                for ids in self._token_ids(items, title):
                    file.write(ids.tobytes())
                    lengths.append(len(ids))
            np.save(folder / "lengths.npy", np.array(lengths, dtype=np.int64))

        settings = (self.preprocessing, self.preprocessing.tokenizer, tokenizers.__version__)
        folder = self.encoded(build, items, *settings)
        lengths = np.load(folder / "lengths.npy")
        kept = np.flatnonzero(lengths)
        skipped = [(f"{title} row {i}", "no text") for i in np.flatnonzero(lengths == 0).tolist()]
        tokens, mapped = map_tokens(folder / "tokens.int32")
        dataset = EncodedTexts(tokens, lengths[kept], labels[kept], self.preprocessing.pad_id, mapped=mapped)
        return dataset, kept, skipped

    @property
    def items_line(self) -> str:
        lengths = np.array(self.datasets["train"].lengths)
        reaching = float((lengths >= self.max_tokens).mean())
        return f"texts of {np.median(lengths):.0f} tokens (median)" + (
            f"; {reaching:.0%} reach data.max_tokens={self.max_tokens}, where a text is cut" if reaching else ""
        )

    def encoding_notes(self, datasets: dict[str, Any]) -> list[str]:
        """Note that many tokens of the validation texts are unknown, where they are."""
        texts = datasets["val"]
        if not len(texts):
            return []
        batch = texts.__getitems__(np.unique(np.linspace(0, len(texts) - 1, SAMPLE_TEXTS, dtype=np.int64)).tolist())
        unknown = (batch.input_ids == self.preprocessing.unknown_id) & batch.attention_mask.bool()
        share = float(unknown.sum() / batch.attention_mask.sum())
        if share < MUCH_UNKNOWN:
            return []
        return [
            f"{share:.0%} of the tokens of the validation texts are unknown to the tokenizer, which was made for "
            "another language or tells words apart by blanks: bert_classifier takes one (--model.pretrained=…)"
        ]

    def _token_ids(self, items: Iterable[str | None], title: str) -> Iterator[np.ndarray]:
        """The ids of the tokens of texts, each int32 (at most max_tokens,), with a progress bar."""
        bar = tqdm(items, f"Encoding {title}", unit=" texts", leave=False, delay=1, disable=None)
        for texts in _batches(map(self.preprocessing.readable, bar)):
            yield from self.preprocessing.token_ids(texts)

    def on_after_batch_transfer(self, batch: TextBatch, dataloader_idx: int) -> TextBatch:
        if not self.augments or self.trainer is None or not self.trainer.training:
            return batch
        input_ids, attention_mask = delete_tokens(batch.input_ids, batch.attention_mask, self.token_deletion)
        return batch._replace(input_ids=input_ids, attention_mask=attention_mask)

    def read_inputs(self, path: Path) -> Iterator[tuple[str, Any]]:
        return read_texts(path, Reading(self.text_columns, self.delimited))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Cut texts into parts whose encodings fit in memory."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if len(batch) == TEXTS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
