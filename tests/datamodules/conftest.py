"""What the data tests share: an empty folder to work in, images on disk, and the real data where there is some."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from datamodules.images import ImageData

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"

WriteImages = Callable[..., Path]


def in_stage(data: ImageData, training: bool) -> ImageData:
    data.trainer = SimpleNamespace(training=training)  # type: ignore[assignment]  # all that the hook asks of it
    return data


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches go beneath the current folder, which must not be the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write_images(tmp_path: Path) -> WriteImages:
    """``write_images({"train/cats": 3})`` writes noise, 40×32 PNG unless told otherwise; returns the folder."""

    def write(counts: dict[str, int], root: str = "images", suffix: str = ".png") -> Path:
        rng = np.random.default_rng(len(counts))
        for folder, count in counts.items():
            (tmp_path / root / folder).mkdir(parents=True)
            for i in range(count):
                noise = rng.integers(0, 256, (32, 40, 3), dtype=np.uint8)
                Image.fromarray(noise).save(tmp_path / root / folder / f"{i:03}{suffix}")
        return tmp_path / root

    return write


@pytest.fixture
def real_data() -> Path:
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA}")
    return REAL_DATA


Measure = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def within_limits() -> Measure:
    """Calls something that must not take a second of the processor, or 200 MB more memory than there was."""
    process = psutil.Process()

    def call(act: Callable[[], Any]) -> Any:
        before, done, peak = process.memory_info().rss, Event(), [0]

        def watch() -> None:
            while not done.wait(0.002):
                peak[0] = max(peak[0], process.memory_info().rss)

        watcher = Thread(target=watch)
        watcher.start()
        started = time.process_time()
        try:
            return act()
        finally:
            seconds = time.process_time() - started
            done.set()
            watcher.join()
            assert seconds < 1
            assert peak[0] - before < 200e6

    return call
