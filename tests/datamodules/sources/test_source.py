"""A source is known by its content, and what lies in a folder is found in one order."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.health.contents import fingerprint
from datamodules.sources.folders.image_folders import load_image_folder
from datamodules.sources.source import Examples, Source, first_line, visible_files
from tests.datamodules.hostile_images import write_odd_entries


def test_a_file_that_cannot_be_read_does_not_stop_the_fingerprint(tmp_path: Path) -> None:
    entries = write_odd_entries(tmp_path)
    labels = np.zeros(len(entries), dtype=np.int64)
    assert fingerprint(Source("", ["caf\udce9"], {"train": Examples(entries, labels)})).startswith("sha256:")


def test_fingerprint_follows_the_content_and_not_the_path(write_images: Any, tmp_path: Path) -> None:
    folder = write_images({"a": 2, "b": 2})
    first = fingerprint(load_image_folder(folder))
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    assert first == fingerprint(load_image_folder(copy))
    assert first.startswith("sha256:")
    assert len(first) == len("sha256:") + 64
    (copy / "b" / "000.png").write_bytes(b"another")
    assert first != fingerprint(load_image_folder(copy))


def test_fingerprint_tells_items_labels_names_and_splits_apart() -> None:
    labels = np.array([0, 1])
    images = np.arange(2 * 4 * 2 * 1, dtype=np.uint8).reshape(2, 4, 2, 1)
    sources = [
        Source("", ["a", "b"], {"train": Examples(["x", "yz"], labels)}),
        Source("", ["a", "b"], {"train": Examples(["xy", "z"], labels)}),
        Source("", ["a", "b"], {"train": Examples(["x", "yz"], labels[::-1].copy())}),
        Source("", ["a", "c"], {"train": Examples(["x", "yz"], labels)}),
        Source("", ["a", "b"], {"test": Examples(["x", "yz"], labels)}),
        Source("", ["a", "b"], {"train": Examples(images, labels)}),
        Source("", ["a", "b"], {"train": Examples(images.reshape(2, 2, 4, 1), labels)}),
    ]
    assert len({fingerprint(source) for source in sources}) == len(sources)


def test_take_keeps_the_given_order_for_lists_and_arrays() -> None:
    positions = np.array([2, 0])
    assert Examples(["a", "b", "c"], np.arange(3)).take(positions).items == ["c", "a"]
    taken = Examples(np.arange(3)[:, None], np.arange(3)).take(positions)
    assert np.asarray(taken.items).tolist() == [[2], [0]]
    assert taken.labels.tolist() == [2, 0]


def test_visible_files_are_sorted(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", ".c.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in visible_files(tmp_path)] == ["a.txt", "b.txt"]


def test_first_line_names_the_type_of_a_silent_exception() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(EOFError()) == "EOFError"
