"""Texts as words, for networks that learn their own embedding."""

from __future__ import annotations

from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from datamodules.texts import TextData

PADDING, UNKNOWN = "[PAD]", "[UNK]"


class ReviewWords(TextData):
    """Lower-case words and sentence marks; the vocabulary is counted on the training split.

    Args:
        max_vocabulary: the most frequent words that get an id of their own; the rest share one.
    """

    def __init__(self, max_vocabulary: int = 20_000, **common: Any) -> None:
        super().__init__(**common)
        self.save_hyperparameters()
        if max_vocabulary < 3:
            raise ValueError(f"data.max_vocabulary={max_vocabulary} must be at least 3: two ids are special")
        self.max_vocabulary = max_vocabulary

    def build_tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer(models.WordLevel({PADDING: 0, UNKNOWN: 1}, unk_token=UNKNOWN))
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(r"<br\s*/?>"), "removed"),
                pre_tokenizers.Split(Regex(r"[\p{L}\p{M}\p{N}']+|[!?.,;:\"]"), "removed", invert=True),
            ]
        )
        trainer = trainers.WordLevelTrainer(
            vocab_size=self.max_vocabulary, special_tokens=[PADDING, UNKNOWN], show_progress=False
        )
        texts = self.source_found.splits["train"].items
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer
