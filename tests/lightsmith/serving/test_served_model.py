"""The service's way from an item to the network's input is training's, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.images import ImageData
from datamodules.mnist import MNIST
from datamodules.preprocessing import ModulePreprocessing
from datamodules.review_wordpieces import ReviewWordPieces
from datamodules.transfer_images import TransferImages
from lightning_modules.training.answer import ClassProbabilities
from lightsmith.exports.exported_files import PREPROCESSING, PROOF
from lightsmith.exports.folder import write_json
from lightsmith.serving.served_model import load_served
from tests.lightsmith.exports.test_card_preprocessing import assert_same, each, in_training
from tests.lightsmith.serving import made_exports
from tests.odd_items import ODD_TEXTS, odd_images


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "data", [TransferImages(24, 31, cache=False), pytest.param(MNIST(28, 28, cache=False), marks=pytest.mark.slow)]
)
def test_odd_images_become_what_training_makes_of_them(data: ImageData, folders: Callable[..., Path]) -> None:
    data.preprocessing = replace(data.preprocessing, grey_bits=12)
    served = replace(load_served(folders("photos"), 1), preprocessing=data.preprocessing)
    items = [content for _, content in odd_images()]
    service = each(items, lambda item: served.stacked([served.encode(item)])[0])
    assert_same({"training": in_training(data, items), "service": service})
    assert len(service) > 50


def test_odd_texts_become_what_training_makes_of_them(folders: Callable[..., Path]) -> None:
    data = ReviewWordPieces(max_tokens=140, cache=False)
    served = replace(load_served(folders("texts"), 1), preprocessing=data.preprocessing)
    items = [text for text in ODD_TEXTS if text is not None]
    service = each(items, lambda text: tuple(served.stacked([served.encode(text)])))
    assert_same({"training": in_training(data, items), "service": service})
    assert len(service) > 40


def test_texts_of_several_lengths_are_padded_on_the_right(folders: Callable[..., Path]) -> None:
    served = load_served(folders("texts"), 1)
    short, long = served.encode("good"), served.encode("good film " * 10)
    ids, mask = served.stacked([short, long])
    assert (short.width, long.width, ids.shape) == (16, 32, (2, 32))
    assert mask.sum(1).tolist() == [1, 20]
    assert np.array_equal(ids[1], long.inputs[0])
    assert not mask[0, 1:].any()


def test_what_cannot_be_read_says_why_in_one_line(folders: Callable[..., Path]) -> None:
    for kind, item, reason in (
        ("photos", b"GIF87", "not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM image"),
        ("photos", b"8BPS" + b"\0" * 200, "Photoshop, which cannot be read here: convert it to JPEG or PNG"),
        ("texts", " ", "no text"),
    ):
        with pytest.raises(ValueError, match=f"^{reason}$"):
            load_served(folders(kind), 1).encode(item)


def fail_the_proof(folder: Path) -> None:
    proof = {"passed": False, "reasons": ["it loses 3.00 points"], "sha256": made_exports.sha256(folder / "model.onnx")}
    write_json(folder / PROOF, proof)


def change_the_model(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"another")


def take_a_module(folder: Path) -> None:
    write_json(folder / PREPROCESSING, ModulePreprocessing("mine.Data", {}).settings)


def leave_a_program(folder: Path) -> None:
    (folder / "model.onnx").rename(folder / "model.pt2")


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (fail_the_proof, r"model\.onnx failed its proof \(it loses 3\.00 points\): serve another export$"),
        (change_the_model, r"model\.onnx is not the file that proof\.json is about; export the run again$"),
        (take_a_module, "a service takes images and texts"),
        (leave_a_program, "export with FORMAT=onnx$"),
    ],
)
def test_what_is_not_proved_is_not_served(spoil: Any, line: str, tmp_path: Path) -> None:
    folder = made_exports.photos(tmp_path / "out", ClassProbabilities(["a", "b", "c"]))
    spoil(folder)
    with pytest.raises(ValueError, match=line):
        load_served(folder, 1)
