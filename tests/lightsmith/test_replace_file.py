import os
from pathlib import Path

import pytest

from lightsmith.replace_file import DRAFT, replace_file, replacing


def test_a_file_is_replaced_and_no_draft_is_left(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        replace_file(tmp_path / "x", content)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"new")]


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")

    def write_half() -> None:
        with replacing(tmp_path / "x") as file:
            file.write(b"half of it")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_half()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"old")]


def test_the_draft_is_on_the_disk_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    monkeypatch.setattr(os, "fsync", lambda number: steps.append((tmp_path / DRAFT).exists()))
    replace_file(tmp_path / "x", b"new")
    assert steps == [True, False]  # the file as a draft, then its folder
