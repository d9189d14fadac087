"""The cache stays within its limit, and keeps what somebody uses."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from datamodules.batches import encoded_cache
from datamodules.batches.encoded_cache import cached, keep_within
from datamodules.batches.eviction import DRAFT, EVICTED, LEFT_OVER_SECONDS
from tests.conftest import ROOT

# Builds an entry in the cache below the working folder, says so, and lives on until its input ends.
USER = """
import sys
from datamodules.batches.encoded_cache import cached
cached(sys.argv[1], lambda folder: (folder / "numbers.bin").touch())
print("built", flush=True)
if sys.argv[2] == "stay":
    sys.stdin.read()
"""
Use = Callable[..., subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(encoded_cache, "CACHE", tmp_path / "data/encoded")


@pytest.fixture
def use(tmp_path: Path) -> Use:
    """``use(key)`` builds an entry in another process, which ends, or stays until its input does."""

    def start(key: str, then: str = "end") -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", USER, key, then]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdin=pipe, stdout=pipe)
        assert process.stdout is not None
        assert process.stdout.readline() == "built\n"
        if then == "end":
            process.communicate()
        return process

    return start


def entry(key: str, days_ago: int) -> None:
    """An entry of an ended process."""
    folder = encoded_cache.CACHE / key
    folder.mkdir(parents=True)
    (folder / "numbers.bin").write_bytes(bytes(1000))
    (folder / encoded_cache.MANIFEST).write_text("{}")
    os.utime(folder, (time.time() - days_ago * 86400,) * 2)


def entries() -> list[str]:
    return sorted(path.name for path in encoded_cache.CACHE.iterdir())


def test_what_was_not_used_for_longest_goes_first_and_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    for days, key in enumerate("abcde"):
        entry(key, days)
    keep_within(3.5e-6)
    assert entries() == ["a", "b", "c"]
    said = capsys.readouterr().err
    assert "held 5.01e-06 GB, more than data.cache_gb=3.5e-06: removed 2 of its entries, last used on" in said
    keep_within(3.5e-6)
    assert entries() == ["a", "b", "c"]
    assert not capsys.readouterr().err


def test_use_counts_from_the_last_time() -> None:
    entry("old", 9)
    entry("older", 10)
    cached("older", lambda folder: None)
    keep_within(1.5e-6)
    assert entries() == ["older"]


def test_an_entry_is_kept_while_a_process_lives_that_uses_it(use: Use) -> None:
    with use("used", "stay") as process:
        entry("unused", 0)
        os.utime(encoded_cache.CACHE / "used", (0, 0))
        keep_within(0)
        assert entries() == ["used"]
        process.communicate()
    keep_within(0)
    assert entries() == []


def test_what_this_process_uses_is_kept() -> None:
    folder = cached("mine", lambda folder: (folder / "numbers.bin").touch())
    keep_within(0)
    assert (folder / "numbers.bin").is_file()


def test_drafts_that_nobody_will_finish_go_and_fresh_ones_stay() -> None:
    for name in (f"{DRAFT}old", f"{EVICTED}old", f"{DRAFT}new"):
        entry(name, 0)
    for name in (f"{DRAFT}old", f"{EVICTED}old"):
        for path in [*(encoded_cache.CACHE / name).iterdir(), encoded_cache.CACHE / name]:
            os.utime(path, (time.time() - LEFT_OVER_SECONDS - 60,) * 2)
    keep_within(0)
    assert entries() == [f"{DRAFT}new"]


def test_of_a_cache_that_is_not_there_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    keep_within(0)
    assert not capsys.readouterr().err
