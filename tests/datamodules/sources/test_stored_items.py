"""Items on disk behave as the list of them, and a column of any size is never resident."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from datamodules.sources.stored_items import Stored, keep_rows

ROWS: list[tuple[str | bytes | None, str | None]] = [(f"text {i}", "ab"[i % 2]) for i in range(2005)]


def kept(rows: list[tuple[str | bytes | None, str | None]], folder: Path, kind: str = "text") -> Stored:
    return keep_rows(rows, ["said"], [], len(rows), kind, folder, cache=False)


def test_items_labels_and_notes_come_back(tmp_path: Path) -> None:
    items, labels, notes = kept(ROWS, tmp_path)
    expected = [item for item, _ in ROWS]
    assert list(items) == expected
    assert (items[0], items[7], items[-1]) == (expected[0], expected[7], expected[-1])
    assert items[5:9] == expected[5:9]
    assert [labels.values[code] for code in labels.codes] == [label for _, label in ROWS]
    assert notes == ["said"]


def test_a_choice_of_a_choice_keeps_its_order(tmp_path: Path) -> None:
    chosen = kept(ROWS, tmp_path).items.take(np.array([1600, 3, 9])).take(np.array([2, 0]))
    assert list(chosen) == list(pickle.loads(pickle.dumps(chosen))) == ["text 9", "text 1600"]  # noqa: S301
    assert (chosen[0], chosen[1]) == ("text 9", "text 1600")


def test_blank_texts_are_none_and_half_characters_stay(tmp_path: Path) -> None:
    stored = kept([("a", "x"), (" \n", "y"), (None, None), ("\ud800", "x")], tmp_path)
    assert list(stored.items) == ["a", None, None, "\ud800"]
    assert stored.items.present.tolist() == [True, False, False, True]
    assert stored.labels.codes.tolist() == [0, 1, -1, 0]


def test_images_are_bytes_or_paths(tmp_path: Path) -> None:
    items = kept([(b"png", "x"), ("a/1.png", "y"), (b"", "x")], tmp_path, "image").items
    assert list(items) == [b"png", tmp_path / "a/1.png", None]


@pytest.mark.slow
def test_three_hundred_megabytes_of_text_take_a_tenth_of_that(tmp_path: Path) -> None:
    def rows() -> Iterator[tuple[str, str]]:
        for i in range(3000):
            yield f"{i} " * 20_000, "ab"[i % 2]

    process = psutil.Process()
    before, peak = process.memory_info().rss, 0
    items = keep_rows(rows(), [], [], "large", "text", tmp_path, cache=False).items
    assert (items.folder / "items.bin").stat().st_size > 250e6
    for text in items.take(np.arange(1, 3000, 2)):
        peak = max(peak, process.memory_info().rss)
        assert len(text) > 20_000
    assert peak - before < 30e6
