"""An exported model in memory, ready to answer: items → arrays → predictions, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datamodules.preprocessing import ImagePreprocessing, TextPreprocessing
from datamodules.sources.image_decoding import why_unreadable
from lightning_modules.training.answer import Answer
from lightsmith.exports.exported_files import (
    ONNX_FILE,
    PROOF,
    check_onnx,
    load_answer,
    load_preprocessing,
    read_json,
    read_onnx,
)
from lightsmith.exports.onnx_session import OnnxSession

CARD = "README.md"


class Encoded(NamedTuple):
    """An item as the network takes it: uint8 (C, H, W), or ids and mask, both int64 (T,).

    ``width`` is T, the columns that the item takes in a batch, and 1 for an image.
    """

    inputs: tuple[np.ndarray, ...]
    width: int


@dataclass(frozen=True)
class ServedModel:
    """An exported model with all that a service needs of it.

    Args:
        folder: where it lies.
        size_bytes: of the ONNX file.
        proof: what `export` proved.
        card: the model's card, in Markdown; empty without one.
    """

    folder: Path
    preprocessing: ImagePreprocessing | TextPreprocessing
    session: OnnxSession
    answer: Answer
    proof: dict[str, Any]
    card: str
    size_bytes: int

    @property
    def takes(self) -> str:
        """The kind of an item: image or text."""
        return self.preprocessing.kind

    def encode(self, item: bytes | str) -> Encoded:
        """Make the network's input of an encoded image or a text, as training's evaluation does.

        Raises:
            ValueError: why it cannot be read.
        """
        if isinstance(self.preprocessing, TextPreprocessing):
            ids, mask = self.preprocessing(str(item))
            return Encoded((ids, mask), len(ids))
        image = item if isinstance(item, bytes) else item.encode()
        try:
            return Encoded((self.preprocessing(image),), 1)
        except Exception as error:  # decoders raise anything for bytes that somebody made up
            raise ValueError(why_unreadable(error, image)) from error

    def predict(self, batch: Sequence[Encoded]) -> np.ndarray:
        """The predictions for some items, float32 (n, columns of the answer).

        Raises:
            ValueError: the network cannot be run on them.
        """
        inputs = self.stacked(batch)
        return self.answer.predictions(self.session(*inputs), inputs)

    def stacked(self, batch: Sequence[Encoded]) -> list[np.ndarray]:
        """One array of each input for all items, (n, …); texts are padded on the right to the widest."""
        if not isinstance(self.preprocessing, TextPreprocessing):
            return [np.stack([item.inputs[0] for item in batch])]
        width = max(item.width for item in batch)
        ids = np.full((len(batch), width), self.preprocessing.pad_id, np.int64)
        mask = np.zeros((len(batch), width), np.int64)
        for row, item in enumerate(batch):
            ids[row, : item.width], mask[row, : item.width] = item.inputs
        return [ids, mask]

    def blank(self, width: int) -> Encoded:
        """An item to measure with: a black image, or a text of this many unknown tokens."""
        if isinstance(self.preprocessing, TextPreprocessing):
            ids = np.full(width, self.preprocessing.unknown_id, np.int64)
            return Encoded((ids, np.ones(width, np.int64)), width)
        side = self.preprocessing.image_size_px
        return Encoded((np.zeros((self.preprocessing.channels, side, side), np.uint8),), 1)


def load_served(folder: Path, threads: int) -> ServedModel:
    """Read an exported folder whose proof was passed.

    Args:
        threads: that a batch is computed with.

    Raises:
        ValueError: it cannot be used, or its proof failed.
    """
    check_onnx(folder)
    try:
        content, proof = read_onnx(folder), read_json(folder / PROOF, dict)
        session, preprocessing = OnnxSession(content, threads), load_preprocessing(folder)
        answer = load_answer(folder, session.width).limited(None)
        card = (folder / CARD).read_text(encoding="utf-8") if (folder / CARD).is_file() else ""
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} cannot be used: {error}; export the run again") from error
    if not isinstance(preprocessing, ImagePreprocessing | TextPreprocessing):
        raise ValueError(f"{folder}: a service takes images and texts, not what a data module of one's own makes")
    if proof.get("passed") is not True:
        reasons = "; ".join(map(str, proof.get("reasons", []))) or "nothing says why"
        raise ValueError(f"{folder / ONNX_FILE} failed its proof ({reasons}): serve another export")
    return ServedModel(folder, preprocessing, session, answer, proof, card, len(content))
