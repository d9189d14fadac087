"""An exported folder as somebody would serve it who knows Pillow, tokenizers and ONNX Runtime. No Lightsmith in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from tokenizers import Tokenizer

WIDTH_STEP = 16  # columns; other widths than multiples of it are slower


class Model:
    """Images or texts → probabilities.

    Args:
        folder: that ``export`` wrote.
        threads: of ONNX Runtime; all processors when 0, its default.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # As docs/export.md tells: without it int8 products are cut off on CPUs without VNNI, sooner and wrong.
        options.add_session_config_entry("session.x64quantprecision", "1")
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self.names = [value.name for value in self.session.get_inputs()]
        self.classes: list[str] = json.loads((folder / "class_names.json").read_text("utf-8"))
        settings = json.loads((folder / "preprocessing.json").read_text("utf-8"))
        self.tokenizer = None
        if settings["kind"] == "text":
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.tokenizer.enable_truncation(settings["max_tokens"])

    def decode(self, body: bytes) -> np.ndarray:
        """An image of the network's size, uint8 (C, H, W), or a text's ids, int64 (T,)."""
        if self.tokenizer is not None:
            return np.array(self.tokenizer.encode(body.decode()).ids, np.int64)
        pixels = np.asarray(Image.open(BytesIO(body)).convert("RGB"))
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def predict(self, items: Sequence[np.ndarray]) -> np.ndarray:
        """Probabilities (n, classes) of a batch; texts are padded to the longest."""
        inputs = [np.stack(items)] if self.tokenizer is None else _padded(items)
        (logits,) = self.session.run(None, dict(zip(self.names, inputs, strict=True)))
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(powers / powers.sum(1, keepdims=True))

    def answer(self, probabilities: np.ndarray) -> dict[str, object]:
        """Make the answer that a client gets from (C,) probabilities."""
        by_class = {name: round(float(p), 6) for name, p in zip(self.classes, probabilities, strict=True)}
        return {"prediction": self.classes[int(probabilities.argmax())], "probabilities": by_class}


def _padded(items: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Ids and mask, both int64 (n, T)."""
    width = -(-max(map(len, items)) // WIDTH_STEP) * WIDTH_STEP
    ids, mask = (np.zeros((len(items), width), np.int64) for _ in range(2))
    for row, item in enumerate(items):
        ids[row, : len(item)], mask[row, : len(item)] = item, 1
    return [ids, mask]
