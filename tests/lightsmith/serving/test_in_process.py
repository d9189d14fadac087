from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lightsmith.serving.in_process import widths_of
from lightsmith.serving.served_model import load_served


def test_batches_are_measured_at_the_widths_that_texts_have(folders: Callable[..., Path]) -> None:
    assert widths_of(load_served(folders("texts"), 1)) == [16, 32]
    assert widths_of(load_served(folders("photos"), 1)) == [1]
