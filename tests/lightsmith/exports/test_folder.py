"""An exported folder is used as it was written, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import onnx.parser
import pytest
import torch

from datamodules.batches.encoded_cache import sha256
from datamodules.mnist import MNIST
from datamodules.preprocessing import ImagePreprocessing
from lightning_modules.training.answer import ClassProbabilities
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightsmith.exports.exported_files import CLASS_NAMES, ONNX_FILE, PREPROCESSING, PROOF
from lightsmith.exports.folder import load_exported, write_json, write_preprocessing

MEANS = """<ir_version: 10, opset_import: ["" : 20]>
network (uint8[N, 1, 4, 4] image) => (float[N, 2] logits) {
    values = Cast <to: int = 1> (image)
    flat = Flatten (values)
    start = Constant <value = int64[1] {0}> ()
    end = Constant <value = int64[1] {2}> ()
    axis = Constant <value = int64[1] {1}> ()
    logits = Slice (flat, start, end, axis)
}"""
PIXELS = ImagePreprocessing(channels=1, image_size_px=4, resize_px=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as `export` writes it, whose network passes two pixels on."""
    onnx.save(onnx.parser.parse_model(MEANS), tmp_path / ONNX_FILE)
    write_json(tmp_path / PROOF, {"sha256": sha256(tmp_path / ONNX_FILE)})
    write_preprocessing(tmp_path, PIXELS, ClassProbabilities(["ä", "b"]))
    return tmp_path


def test_what_was_written_is_read_back(folder: Path) -> None:
    network, data, answer = load_exported(folder)
    assert answer == ClassProbabilities(["ä", "b"])
    assert isinstance(data, MNIST)
    assert data.preprocessing == PIXELS
    assert "ä" in (folder / CLASS_NAMES).read_text(encoding="utf-8")
    images = torch.arange(32).reshape(2, 1, 4, 4).byte()
    assert network(images).tolist() == [[0.0, 1.0], [16.0, 17.0]]


def change(name: str, content: Any) -> Any:
    return lambda folder: (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (change(PROOF, {"sha256": "0"}), "model.onnx is not the file that proof.json is about"),
        (change(PROOF, "[" * 100_000), "proof.json is not JSON"),
        (change(CLASS_NAMES, ["a"]), "class_names.json does not name the model's 2 classes"),
        (change(CLASS_NAMES, ["a", "a"]), "class_names.json does not name the model's 2 classes"),
        (change(CLASS_NAMES, {}), "class_names.json holds no list"),
        (change(PREPROCESSING, {**PIXELS.settings, "crop": "left"}), "preprocessing has crop='left'"),
        (lambda folder: (folder / PREPROCESSING).unlink(), "No such file"),
    ],
)
def test_a_folder_that_was_changed_is_refused_in_one_line(folder: Path, spoil: Any, line: str) -> None:
    spoil(folder)
    with pytest.raises(ValueError, match=f"cannot be used: .*{line}.*; export the run again$"):
        load_exported(folder)


def test_a_program_of_torch_is_for_torch_to_load(folder: Path) -> None:
    (folder / ONNX_FILE).rename(folder / "model.pt2")
    with pytest.raises(ValueError, match=r"which is for torch\.export\.load: export with FORMAT=onnx"):
        load_exported(folder)


def test_what_is_no_classifier_says_what_its_output_means(folder: Path) -> None:
    (folder / CLASS_NAMES).unlink()
    with pytest.raises(ValueError, match=f"No such file .*{CLASS_NAMES}"):
        load_exported(folder)
    write_preprocessing(folder, PIXELS, ValueWithInterval(1.0, 2.0))
    assert load_exported(folder)[2] == ValueWithInterval(1.0, 2.0)
