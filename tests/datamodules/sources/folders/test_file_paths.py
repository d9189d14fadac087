"""Paths of files are a sequence that knows what is in the files, reading each file once."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from datamodules.sources.folders import file_paths
from datamodules.sources.folders.file_paths import FilePaths, Files


def linked(folder: Path) -> FilePaths:
    """Two files, the first of which has two other names, and a path that leads nowhere."""
    (folder / "a").write_bytes(b"one")
    (folder / "b").write_bytes(b"two")
    (folder / "c").symlink_to(folder / "a")
    (folder / "d").hardlink_to(folder / "a")
    return FilePaths(Files([str(folder / name) for name in ("b", "a", "c", "gone", "d")]))


def test_items_are_paths_in_the_order_that_was_asked_for(tmp_path: Path) -> None:
    paths = linked(tmp_path)
    taken = paths.take(np.array([4, 0])).take(np.array([1, 0]))
    assert list(taken) == [taken[0], taken[1]] == taken[:] == [tmp_path / "b", tmp_path / "d"]
    assert (len(paths), len(taken)) == (5, 2)


def test_links_lead_to_one_file(tmp_path: Path) -> None:
    single, places = linked(tmp_path).distinct()
    assert list(single) == [tmp_path / name for name in ("b", "a", "gone")]
    assert places.tolist() == [0, 1, 1, 2, 1]
    single, places = linked_again(tmp_path).distinct()
    assert (list(single), places.tolist()) == ([tmp_path / "d"], [0, 0])


def linked_again(folder: Path) -> FilePaths:
    return FilePaths(Files([str(folder / name) for name in ("b", "d", "a")])).take(np.array([1, 2]))


def test_digests_are_those_of_the_content_and_each_file_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = linked(tmp_path)
    read: list[Path] = []
    file_digest = file_paths.file_digest

    def noted(path: Path) -> bytes:
        read.append(path)
        return file_digest(path)

    monkeypatch.setattr(file_paths, "file_digest", noted)
    single, _ = paths.distinct()
    assert single.read(0) == b"two"
    expected = [hashlib.sha256(content).digest() for content in (b"two", b"one", b"one", b"", b"one")]
    assert [digest.tobytes() for digest in paths.digests()] == expected
    assert [digest.tobytes() for digest in paths.take(np.array([2, 0])).digests()] == [expected[2], expected[0]]
    assert read == [tmp_path / "a", tmp_path / "gone"]


def test_a_large_file_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_paths, "WHOLE_BYTES", 2)
    assert linked(tmp_path).read(0) == tmp_path / "b"


def test_states_change_with_a_file_and_are_good_for_once_while_it_is_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(tmp_path)
    assert linked_again(tmp_path).states() != linked_again(tmp_path).states()
    monkeypatch.setattr(file_paths, "FINEST_NS", 0)
    before = linked_again(tmp_path).states()
    assert before == linked_again(tmp_path).states()
    times = (tmp_path / "a").stat()
    (tmp_path / "a").write_bytes(b"ONE")
    os.utime(tmp_path / "a", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert before != linked_again(tmp_path).states()
