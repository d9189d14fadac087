"""Texts are gathered from one file of tokens, of which little stays in memory."""

import pickle
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from datamodules.batches import texts as text_batches
from datamodules.batches.texts import EncodedTexts, map_tokens


def encoded(path: Path, texts: int, length: int) -> EncodedTexts:
    (np.arange(texts * length, dtype=np.int32) % 997).tofile(path)
    tokens, mapped = map_tokens(path)
    return EncodedTexts(tokens, np.full(texts, length), np.zeros(texts, dtype=np.int64), 0, mapped=mapped)


def test_a_large_file_does_not_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_batches, "RESIDENT_BYTES", 1)
    monkeypatch.setattr(text_batches, "RELEASED_TEXTS", 1000)
    texts = encoded(tmp_path / "tokens", 20_000, length=1000)  # 80 MB
    process, peak = psutil.Process(), 0
    before = process.memory_info().rss
    for start in range(0, 20_000, 100):
        batch = texts.__getitems__(list(range(start, start + 100)))
        assert batch.input_ids[0, :2].tolist() == [start * 1000 % 997, (start * 1000 + 1) % 997]
        peak = max(peak, process.memory_info().rss - before)
    assert peak < 40e6


def test_a_small_file_stays_and_a_choice_gives_the_same_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = encoded(tmp_path / "tokens", texts=50, length=10)
    assert texts.mapped is None
    monkeypatch.setattr(text_batches, "RESIDENT_BYTES", 1)
    monkeypatch.setattr(text_batches, "RELEASED_TEXTS", 3)
    released = encoded(tmp_path / "tokens", texts=50, length=10)
    assert released.mapped is not None
    chosen = released.take(np.array([7, 3, 49])).take(np.array([2, 0]))
    for _ in range(3):
        for mine, other in zip(chosen.__getitems__([0, 1])[:2], texts.__getitems__([49, 7])[:2], strict=True):
            assert mine.tolist() == other.tolist()


def test_texts_can_be_sent_to_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_batches, "RESIDENT_BYTES", 1)
    texts = encoded(tmp_path / "tokens", texts=5, length=4)
    copy = pickle.loads(pickle.dumps(texts))  # noqa: S301  # written on this line
    assert copy.__getitems__([2]).input_ids.tolist() == texts.__getitems__([2]).input_ids.tolist()


def test_texts_on_a_device_can_be_sent_there_again(tmp_path: Path) -> None:
    texts = encoded(tmp_path / "tokens", texts=5, length=4).take(np.array([4, 1]))
    for _ in ("fit", "test"):  # each sends its data
        texts.to(torch.device("meta"))
    assert texts.tokens.is_meta
    assert texts.tokens.numel() == 8
