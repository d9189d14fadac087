"""Items are read once, and are copies by what they contain."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.health.contents import content_ids, fingerprint, read_contents
from datamodules.sources.folders.file_paths import FilePaths, Files
from datamodules.sources.source import Examples, Source


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a fine film", "a fine film", True),
        ("a fine film", " a  fine\r\nfilm\n", True),
        ("B\u00e4ume", "Ba\u0308ume", True),
        ("a fine film", "A fine film", False),
        ("a fine film", "a fine film.", False),
        (b"\x00\x01", b"\x00\x01", True),
        (b"\x00\x01", b"\x00\x02", False),
        (np.array([1.0, 2.0]), np.array([1.0, 2.0]), True),
        (np.array([1.0, 2.0]), np.array([1.0, 3.0]), False),
        ("", "", False),
        (" \n", " \n", False),
        (None, None, False),
        (b"", b"", False),
    ],
)
def test_copies_are_equal_in_content_and_nothing_is_no_copy_of_nothing(one: Any, other: Any, same: bool) -> None:
    first, second = read_contents([one, other], "train").copies.tolist()
    assert (first == second != 0) is same


def test_files_are_copies_byte_by_byte_and_unreadable_ones_are_not(tmp_path: Path) -> None:
    for name, content in {"a": b"one", "b": b"one", "c": b"two", "empty": b"", "empty2": b""}.items():
        (tmp_path / name).write_bytes(content)
    names = ["a", "b", "c", "empty", "empty2", "missing", "missing"]
    copies = read_contents([tmp_path / name for name in names], "train").copies.tolist()
    assert copies[0] == copies[1] != copies[2]
    assert copies[3:] == [0, 0, 0, 0]


def test_large_files_count_by_all_of_their_content(tmp_path: Path) -> None:
    for name, last in {"a": b"1", "b": b"1", "c": b"2"}.items():
        (tmp_path / name).write_bytes(bytes(2_000_000) + last)
    copies = read_contents([tmp_path / name for name in "abc"], "train").copies.tolist()
    assert copies[0] == copies[1] != copies[2]


def test_the_key_changes_with_any_item_and_with_blanks_that_copies_may_differ_in() -> None:
    keys = {
        read_contents(items, "train").key for items in (["a", "b"], ["b", "a"], ["a ", "b"], ["ab"], ["a", "b", ""])
    }
    assert len(keys) == 5
    assert read_contents(["a", "b"], "train").key == read_contents(["a", "b"], "val").key


def test_the_fingerprint_of_given_data_stays_what_it_is() -> None:
    """Checkpoints of earlier versions are resumed on data with theirs."""
    splits = {"train": Examples(["good", "bad", None], np.array([1, 0, 1])), "test": Examples([b"x"], np.array([0]))}
    expected = "sha256:14c94469ce5e4a3576d49a66052113a41bad50317baab65fb750188d90c7bf23"
    assert fingerprint(Source("films", ["bad", "good"], splits)) == expected


def test_an_item_is_named_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"content")
    (tmp_path / "c").write_bytes(b"other")
    in_memory = content_ids([b"content", b"content", b"other"])
    assert in_memory == content_ids(FilePaths(Files([str(tmp_path / name) for name in "abc"])))
    assert in_memory == content_ids([tmp_path / name for name in "abc"])
    assert (len(set(in_memory)), {len(name) for name in in_memory}) == (2, {32})
    assert content_ids(["a  text"]) != content_ids(["a text"])  # of the raw item
