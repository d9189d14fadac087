"""predict.py in an exported folder says what `make predict` says, with nothing but the packages that it names."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from PIL import Image

from datamodules.batches.encoded_cache import sha256
from datamodules.review_words import ReviewWords
from datamodules.transfer_images import TransferImages
from lightning_modules.training.answer import ClassProbabilities
from lightsmith.exports.card import RunFacts, write_card
from lightsmith.exports.exported_files import ONNX_FILE, PROOF
from lightsmith.exports.folder import write_json, write_preprocessing
from lightsmith.exports.predict_script import install_line, softmax
from tests.conftest import Cli
from tests.lightsmith.serving.made_exports import PHOTOS, TEXTS

PROVED = {
    "format": "onnx", "argmax_agreement": 1.0, "largest_logit_difference": 0.0, "accuracy": 1.0, "items": 1,
    "passed": True, "reasons": [], "bytes": 1,
}  # fmt: skip
# Runs a script where nothing can be imported but the standard library, these packages and what they need.
ALONE = """
import runpy, sys
allowed = {*sys.stdlib_module_names, *sys.argv.pop(1).split(",")}
class Only:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Only())
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
NEEDED = ["numpy", "onnxruntime", "flatbuffers", "google", "packaging"]
CLASSES = ["a", 'b, "c"', "Bäume"]


def alone(folder: Path, packages: list[str], *items: object, text: str = "") -> tuple[int, list[dict[str, Any]]]:
    """The exit code of predict.py, and what it prints."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", ALONE, ",".join([*NEEDED, *packages])]
    given = map(str, [folder / "predict.py", *items])
    ran = subprocess.run([*command, *given], input=text, capture_output=True, text=True)
    assert ran.stderr == ""
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()]


def predicted(lightsmith: Cli, folder: Path, source: Path) -> list[dict[str, Any]]:
    lightsmith("predict", f"--run={folder}", f"--input={source}", "--output=p.jsonl")
    return [json.loads(line) for line in Path("p.jsonl").read_text().splitlines()]


def export(folder: Path, graph: str, data: Any, precision: str, **weights: np.ndarray) -> None:
    """Write a folder as `export` does, but for the network: a few lines of ONNX."""
    folder.mkdir()
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 20]> network {graph}')
    model.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in weights.items())
    onnx.save(model, folder / ONNX_FILE)
    proof = {**PROVED, "precision": precision, "sha256": sha256(folder / ONNX_FILE)}
    write_json(folder / PROOF, proof)
    write_preprocessing(folder, data.preprocessing, ClassProbabilities(CLASSES))
    write_card(folder, proof, RunFacts("x", {}), data.preprocessing)


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    for row, wanted in zip(found, expected, strict=True):
        assert row["prediction"] == wanted["prediction"]
        assert row["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-5)
        assert next(iter(row["probabilities"])) == row["prediction"]


def test_photographs_are_classified_as_make_predict_does_it(lightsmith: Cli, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1e-3, (1200, 3)).astype(np.float32)
    export(
        tmp_path / "out",
        PHOTOS.replace("OUTPUT", "logits"),
        TransferImages(20, 25, cache=False),
        "int8",
        weights=weights,
    )
    (photos := tmp_path / "photos").mkdir()
    for n, size in enumerate(((40, 60, 3), (500, 375, 3), (21, 20, 4))):
        Image.fromarray(rng.integers(256, size=size, dtype=np.uint8)).save(photos / f"{n}.png")
    code, rows = alone(tmp_path / "out", ["PIL"], *sorted(photos.iterdir()))
    assert code == 0
    assert_same(rows, predicted(lightsmith, tmp_path / "out", photos))
    (photos / "4.png").write_bytes(b"no image")
    code, rows = alone(tmp_path / "out", ["PIL"], photos / "4.png")
    assert (code, sorted(rows[0])) == (1, ["error", "item"])
    card = (tmp_path / "out/README.md").read_text()
    assert install_line("onnx", "image") in card
    assert 'add_session_config_entry("session.x64quantprecision", "1")' in card
    assert 'add_session_config_entry("session.x64quantprecision", "1")' in (tmp_path / "out/predict.py").read_text()


def test_texts_are_classified_as_make_predict_does_it(lightsmith: Cli, tmp_path: Path) -> None:
    data = ReviewWords(max_tokens=20, max_vocabulary=50, cache=False)
    table = np.random.default_rng(0).normal(0, 0.2, (data.vocabulary_size, 3)).astype(np.float32)
    export(tmp_path / "out", TEXTS.replace("OUTPUT", "logits"), data, "fp32", table=table)
    texts = ["the film was good", "a " * 50 + "dull end", "🙂"]
    (tmp_path / "t.txt").write_text("\n".join(texts))
    expected = predicted(lightsmith, tmp_path / "out", tmp_path / "t.txt")
    assert_same(alone(tmp_path / "out", ["tokenizers"], *texts)[1], expected)
    assert_same(alone(tmp_path / "out", ["tokenizers"], text="\n".join(texts))[1], expected)
    assert "x64quantprecision" not in (tmp_path / "out/README.md").read_text()


def test_probabilities_of_large_logits_are_finite() -> None:
    shares = softmax(np.array([1000.0, -1000.0, 999.0], dtype=np.float32))
    assert shares.tolist() == pytest.approx([0.731059, 0.0, 0.268941], abs=1e-6)
