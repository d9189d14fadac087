"""The sizes of a source's images, from the headers of a few."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from statistics import median
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from datamodules.sources.image_decoding import FORMATS
from datamodules.sources.source import check_regular, take

LOOKED_AT = 20
PHOTOGRAPH_PX = 224  # what photo_transfer's network sees
FAR_LARGER = 4  # times as many pixels a side: less than a tenth of them is left
LYING = (5, 6, 7, 8)  # values of EXIF's orientation under which width and height are exchanged


def size_line(items: Sequence[object] | np.ndarray, stored_px: int, seen_px: int) -> str:
    """Say how images are resized, such as ``images 500×375 → 32×32``; empty where they are not.

    Args:
        items: paths, encoded bytes or a uint8 array (N, H, W, C); only a few are looked at.
        stored_px: side of the square that each is resized to.
        seen_px: side of the part of it that the network sees.
    """
    sizes = list(_sizes(items))
    if not sizes or set(sizes) == {(stored_px, stored_px)} == {(seen_px, seen_px)}:
        return ""
    width, height, usual = _typical(sizes)
    about = "" if usual else "about "
    square = "" if width == height else ", the middle square of each"
    cut = f", cut to {seen_px}×{seen_px}" if seen_px != stored_px else ""
    return f"images {about}{width}×{height} → {stored_px}×{stored_px}{square}{cut}"


def detail_note(items: Sequence[object] | np.ndarray, channels: int, seen_px: int, source: str) -> str:
    """Name the experiment for photographs to a person whose images a network sees far smaller; empty for others.

    Args:
        items: as ``size_line`` takes them.
        channels: that the network takes; one for photographs takes 3.
        seen_px: side of the square that the network sees.
        source: where the images lie, as the person said it.
    """
    sizes = list(_sizes(items))
    if channels != 3 or not sizes or seen_px >= PHOTOGRAPH_PX or min(_typical(sizes)[:2]) < FAR_LARGER * seen_px:
        return ""
    return (
        f"photographs lose most of their detail at {seen_px}×{seen_px}: make exp NAME=photo_transfer "
        f"DATA={quote(source)} sees them at {PHOTOGRAPH_PX}×{PHOTOGRAPH_PX}, and does better"
    )


def _typical(sizes: list[tuple[int, int]]) -> tuple[int, int, bool]:
    """The most common width and height if more than half have it, or else the medians; and whether they do."""
    (size, count), *_ = Counter(sizes).most_common(1)
    usual = 2 * count > len(sizes)
    width, height = size if usual else (round(median(side)) for side in zip(*sizes, strict=True))
    return width, height, usual


def _sizes(items: Any) -> Iterator[tuple[int, int]]:
    """(width, height) of at most ``LOOKED_AT`` of the images, upright; nothing of one that cannot be read."""
    if isinstance(items, np.ndarray):
        yield from [(items.shape[2], items.shape[1])] * min(len(items), 1)
        return
    positions = np.linspace(0, max(len(items) - 1, 0), min(len(items), LOOKED_AT)).astype(np.int64)
    for item in take(items, positions):
        try:
            yield _size(item)
        except Exception:  # noqa: BLE001  # Pillow raises anything for a damaged file, which its decoder will name
            continue


def _size(item: Path | bytes) -> tuple[int, int]:
    if isinstance(item, Path):
        check_regular(item)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(item if isinstance(item, Path) else io.BytesIO(item), formats=FORMATS) as image:
            lying = image.getexif().get(ExifTags.Base.Orientation) in LYING
            return (image.height, image.width) if lying else image.size
