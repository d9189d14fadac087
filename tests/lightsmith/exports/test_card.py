import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL
import pytest

from datamodules.mnist import MNIST
from datamodules.review_wordpieces import ReviewWordPieces
from lightsmith.exports.card import RunFacts, run_facts, write_card
from lightsmith.exports.card_preprocessing import preprocess_image, preprocess_text
from lightsmith.records.results import write_results
from tests.lightsmith.records.test_results import RESULTS

PROOF = {
    "format": "onnx", "precision": "fp32", "argmax_agreement": 1.0, "largest_logit_difference": 0.0, "accuracy": 1.0,
    "items": 1, "passed": True, "reasons": [], "bytes": 1, "sha256": "",
}  # fmt: skip


@pytest.mark.parametrize("function", [preprocess_image, preprocess_text])
def test_the_script_has_that_code_and_the_card_says_it_in_words(function: Callable[..., Any], tmp_path: Path) -> None:
    images = function is preprocess_image
    data: Any = MNIST(28, 30) if images else ReviewWordPieces(max_tokens=300)
    write_card(tmp_path, PROOF, RunFacts("x", {}), data.preprocessing)
    card = (tmp_path / "README.md").read_text()
    assert inspect.getsource(function) in (tmp_path / "predict.py").read_text()
    facts = ("EXIF", "white", "resized to 30 pixels (bilinear)", "square of 28", "0…255", "16-bit", PIL.__version__)
    assert all(
        fact in card for fact in (facts if images else ("first 75 and the last 225", "multiple of 16", "with 0"))
    )


def test_the_card_says_what_the_run_was_and_what_the_proof_found(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path)
    failed = {**PROOF, "passed": False, "reasons": ["the classes differ"]}
    write_card(tmp_path, failed, run_facts(tmp_path), MNIST(28, 28).preprocessing)
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("# mnist_mlp, fp32\n")
    assert "MnistMLP, 8 parameters" in card
    assert "10 items, fingerprint sha256:0" in card
    assert "| proof | FAILED: the classes differ |" in card


def test_a_checkpoint_without_a_run_has_a_card_without_the_run(tmp_path: Path) -> None:
    assert run_facts(tmp_path) == RunFacts("A Lightsmith model", {})


@pytest.mark.parametrize("content", ["no JSON", "{}", '{"data": 1}', "[" * 100_000])
def test_results_that_no_run_wrote_are_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ValueError, match=r"results\.json is not what a run writes"):
        run_facts(tmp_path)
