"""Preprocessing is a value: what it was is known from its JSON, and nothing that is done with it changes it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from datamodules.mnist import MNIST
from datamodules.preprocessing import ImagePreprocessing, Preprocessing, TextPreprocessing
from datamodules.review_words import ReviewWords
from tests.conftest import ROOT

LIKE_OTHER_VERSIONS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "sound"}, "is for 'sound', not for 'image'"),
    ({"resize_filter": "bicubic"}, "resize_filter='bicubic', where only 'bilinear' is known"),
    ({"lowest_value": False}, "lowest_value=False, where only 0 is known"),
    ({"sharpened": True}, "unexpected keyword argument 'sharpened'"),
    ({"image_size_px": 10**9}, "image_size_px=1000000000, which must lie in 1…10000"),
    ({"image_size_px": 28.0}, "image_size_px=28.0, which must lie in"),
    ({"resize_px": 8}, "resize_px=8, which must be at least image_size_px=28"),
    ({"grey_bits": 7}, "grey_bits=7, which must lie in 8…32"),
    ({"channels": 2}, "channels=2, which are 1 or 3"),
]


def tokenizer() -> Tokenizer:
    words = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "a": 2, "b": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return words


def through_json(preprocessing: Preprocessing) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(json.dumps(preprocessing.settings))
    return settings


def test_what_json_holds_is_the_same_preprocessing() -> None:
    images, texts = ImagePreprocessing(3, 24, 32, grey_bits=12), TextPreprocessing(tokenizer().to_str(), 8, 2)
    assert ImagePreprocessing.restored(through_json(images)) == images
    assert TextPreprocessing.restored(through_json(texts), tokenizer=texts.tokenizer) == texts
    assert {"kind", "channels", "image_size_px", "resize_px", "orientation", "background", "resize_filter", "crop"} < (
        images.settings.keys()
    )
    assert texts.settings["pad_id"] == 0
    assert texts.settings["unknown_id"] == 1


def test_what_an_older_version_wrote_is_understood() -> None:
    old = {"kind": "image", "channels": 1, "image_size_px": 28, "resize_px": 28}
    assert ImagePreprocessing.restored(old) == ImagePreprocessing(1, 28, 28, grey_bits=16)
    old = {"kind": "text", "max_tokens": 8, "head_tokens": 2}
    assert TextPreprocessing.restored(old, tokenizer=tokenizer().to_str()).max_tokens == 8


@pytest.mark.parametrize(("changes", "line"), LIKE_OTHER_VERSIONS)
def test_what_this_version_does_not_do_is_refused(changes: dict[str, Any], line: str) -> None:
    settings = {**through_json(ImagePreprocessing(1, 28, 28)), **changes}
    with pytest.raises(ValueError, match=line):
        ImagePreprocessing.restored(settings)


def test_texts_without_a_tokenizer_or_with_a_head_of_all_their_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="no tokenizer that can be read"):
        TextPreprocessing("{}", 8, 2)
    with pytest.raises(ValueError, match="head_tokens=8, not less than max_tokens=8"):
        TextPreprocessing(tokenizer().to_str(), 8, 8)


def test_a_tokenizer_neither_cuts_nor_pads_whatever_it_was_made_for() -> None:
    plain, odd = tokenizer(), tokenizer()
    odd.enable_truncation(3)
    odd.enable_padding(length=9)
    given, expected = (TextPreprocessing(one.to_str(), 8, 2) for one in (odd, plain))
    assert given == expected
    (ids,) = given.token_ids(["a b a b a b"])
    assert ids.tolist() == [2, 3, 2, 3, 2, 3]


def test_it_cannot_be_changed() -> None:
    texts = TextPreprocessing(tokenizer().to_str(), 8, 2)
    with pytest.raises(FrozenInstanceError):
        texts.max_tokens = 9  # type: ignore[misc]  # that is the point


def test_a_text_is_cut_and_padded_alone() -> None:
    texts = TextPreprocessing(tokenizer().to_str(), 4, 1)
    ids, mask = texts("a b b b a a c")
    assert ids.dtype == mask.dtype == np.int64
    assert ids.tolist() == [2, 2, 2, 1] + [0] * 12
    assert mask.tolist() == [1] * 4 + [0] * 12
    with pytest.raises(ValueError, match="no text"):
        texts(" \n")


def test_a_server_need_not_import_torch() -> None:
    code = "import datamodules.preprocessing, sys; assert not {'torch', 'lightning', 'datasets'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_checkpoint_says_the_preprocessing_and_options_say_the_sizes() -> None:
    trained, texts = ReviewWords(max_tokens=20, train_size=10), ReviewWords(max_tokens=30, source="gone")
    texts.load_state_dict(json.loads(json.dumps(trained.state_dict())))
    assert texts.preprocessing.tokenizer == trained.preprocessing.tokenizer
    assert (texts.preprocessing.max_tokens, texts.preprocessing.head_tokens) == (30, 8)
    images = MNIST(20, 24)
    images.load_state_dict(json.loads(json.dumps(MNIST(28, 32).state_dict())))
    assert (images.preprocessing.image_size_px, images.preprocessing.resize_px) == (20, 24)
    with pytest.raises(ValueError, match="crop='left'"):
        images.load_state_dict({"preprocessing": {**images.preprocessing.settings, "crop": "left"}})
