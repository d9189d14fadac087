"""Exported folders of every kind of task, as `export` writes them, around networks of a few lines of ONNX."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import onnx
import onnx.parser

from datamodules.batches.encoded_cache import sha256
from datamodules.preprocessing import ImagePreprocessing, Preprocessing
from datamodules.review_words import ReviewWords
from lightning_modules.training.answer import Answer, ClassProbabilities
from lightning_modules.training.answers.reconstruction import Reconstruction
from lightning_modules.training.answers.surprise import Surprise
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightsmith.exports.exported_files import ONNX_FILE, PROOF
from lightsmith.exports.folder import write_json, write_preprocessing

CLASSES = ["cat", 'b, "c"', "Bäume"]
PIXELS = 3 * 20 * 20
PHOTOS = """(uint8[N, 3, 20, 20] image) => (float[N, W] OUTPUT) {
    flat = Flatten (image)
    values = Cast <to: int = 1> (flat)
    OUTPUT = MatMul (values, weights)
}"""
# The mean of the tokens' vectors: neither padding nor other texts of a batch have a part in it.
TEXTS = """(int64[N, T] input_ids, int64[N, T] attention_mask) => (float[N, W] OUTPUT) {
    vectors = Gather (table, input_ids)
    mask = Cast <to: int = 1> (attention_mask)
    last = Constant <value = int64[1] {-1}> ()
    column = Unsqueeze (mask, last)
    kept = Mul (vectors, column)
    tokens = Constant <value = int64[1] {1}> ()
    OUTPUT = ReduceSum <keepdims: int = 0> (kept, tokens)
}"""


def write_export(
    folder: Path, graph: str, preprocessing: Preprocessing, answer: Answer, width: int, weights: np.ndarray
) -> Path:
    """Write a folder whose network is this graph."""
    folder.mkdir()
    text = graph.replace("OUTPUT", answer.output).replace("W]", f"{width}]")
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 20]> network {text}')
    name = "table" if "table" in graph else "weights"
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights.astype(np.float32), name))
    onnx.save(model, folder / ONNX_FILE)
    proof = {"passed": True, "precision": "fp32", "task": answer.kind, "sha256": sha256(folder / ONNX_FILE)}
    write_json(folder / PROOF, proof)
    write_preprocessing(folder, preprocessing, answer)
    (folder / "README.md").write_text("# A model\n\nMade for tests.\n")
    return folder


def photos(folder: Path, answer: Answer | None = None) -> Path:
    """A folder for colour images of 20 × 20 pixels; classes unless another answer is given."""
    answer = answer or ClassProbabilities(CLASSES)
    width = PIXELS + answer.latents if isinstance(answer, Reconstruction) else len(answer.columns[:3])
    width = 1 if isinstance(answer, ValueWithInterval) else width
    weights = np.random.default_rng(0).normal(0, 1e-3, (PIXELS, width))
    return write_export(folder, PHOTOS, ImagePreprocessing(3, 20, 25), answer, width, weights)


def texts(folder: Path, answer: Answer | None = None) -> Path:
    """A folder for texts of at most 20 words of film reviews."""
    answer = answer or ClassProbabilities(CLASSES)
    data = ReviewWords(max_tokens=20, max_vocabulary=50, cache=False)
    width = {Surprise: 2, ValueWithInterval: 1}.get(type(answer), 3)
    table = np.abs(np.random.default_rng(0).normal(0, 0.2, (data.vocabulary_size, width)))
    return write_export(folder, TEXTS, data.preprocessing, answer, width, table)


def free_port() -> int:
    """A port that nobody listens at, a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
