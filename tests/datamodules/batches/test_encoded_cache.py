"""What was encoded once is found again, and nothing damaged is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from datamodules.batches import encoded_cache
from datamodules.batches.encoded_cache import cached, uncached
from tests.conftest import ROOT

# Builds every key at the same moment as the other process, notes it if it did, and uses what it was given.
RACER = """
import os, sys, time
from datamodules.batches.encoded_cache import cached
start = float(sys.argv[1])
def build(folder):
    open(f"built-{os.getpid()}-{i}", "w").close()
    (folder / "numbers.bin").write_bytes(bytes(range(100)))
for i in range(150):
    while time.time() < start + i / 100: pass
    folder = cached(f"key{i}", build)
    for _ in range(5):
        assert (folder / "numbers.bin").read_bytes() == bytes(range(100))
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(encoded_cache, "CACHE", tmp_path / "encoded")


@pytest.fixture
def builds() -> list[Path]:
    return []


@pytest.fixture
def build(builds: list[Path]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        builds.append(folder)
        (folder / "numbers.bin").write_bytes(bytes(range(100)))

    return write


def test_the_second_time_nothing_is_built(build: Callable[[Path], None], builds: list[Path]) -> None:
    assert cached("k", build) == cached("k", build)
    assert len(builds) == 1
    assert (cached("k", build) / "numbers.bin").read_bytes() == bytes(range(100))
    cached("another", build)
    assert len(builds) == 2


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing", "no manifest"])
def test_a_damaged_entry_is_built_again(build: Callable[[Path], None], builds: list[Path], damage: str) -> None:
    file = cached("k", build) / "numbers.bin"
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:50])
    elif damage == "changed":
        file.write_bytes(bytes(100))
    elif damage == "missing":
        file.unlink()
    else:
        (file.parent / encoded_cache.MANIFEST).unlink()
    assert (cached("k", build) / "numbers.bin").read_bytes() == bytes(range(100))
    assert len(builds) == 2


def test_an_interrupted_build_leaves_nothing() -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("k", interrupted)
    assert list(encoded_cache.CACHE.iterdir()) == []


def run_python(folder: Path, code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process in a folder of its own cache."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def test_of_two_processes_one_builds_and_neither_loses_what_it_was_given(tmp_path: Path) -> None:
    start = time.time() + 1
    racers = [run_python(tmp_path, RACER, start) for _ in range(2)]
    said = [racer.communicate(timeout=60)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], said
    assert len(list(tmp_path.glob("built-*"))) == 150
    assert all(not line or line.startswith("waiting for another process") for err in said for line in err.split("\n"))
    assert not list(tmp_path.glob("data/encoded/*.lock"))


def test_the_lock_of_a_killed_process_holds_nobody_up(
    build: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = "lambda folder: os.kill(os.getpid(), 9)"
    code = f"import os; from datamodules.batches.encoded_cache import cached; cached('k', {kill})"
    with run_python(tmp_path, code) as killed:
        assert killed.wait(60) == -signal.SIGKILL
    assert (tmp_path / "data/encoded/k.lock").exists()
    monkeypatch.setattr(encoded_cache, "CACHE", tmp_path / "data/encoded")
    assert (cached("k", build) / "numbers.bin").is_file()


def test_a_disk_that_cannot_be_written_is_said_in_one_line(build: Callable[[Path], None]) -> None:
    encoded_cache.CACHE.write_text("a file where the folder should be")
    with pytest.raises(ValueError, match=r"encoded cannot be written .*--data.cache=false does without"):
        cached("k", build)


def test_without_the_cache_nothing_stays_under_data(build: Callable[[Path], None]) -> None:
    assert (uncached(build) / "numbers.bin").is_file()
    assert not encoded_cache.CACHE.exists()
