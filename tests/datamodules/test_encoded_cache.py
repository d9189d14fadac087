"""What was encoded once is found again, and nothing damaged is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from datamodules import encoded_cache
from datamodules.encoded_cache import cached, uncached


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


def test_a_disk_that_cannot_be_written_is_said_in_one_line(build: Callable[[Path], None]) -> None:
    encoded_cache.CACHE.write_text("a file where the folder should be")
    with pytest.raises(ValueError, match=r"encoded cannot be written .*--data.cache=false does without"):
        cached("k", build)


def test_without_the_cache_nothing_stays_under_data(build: Callable[[Path], None]) -> None:
    assert (uncached(build) / "numbers.bin").is_file()
    assert not encoded_cache.CACHE.exists()
