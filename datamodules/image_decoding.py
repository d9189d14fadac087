"""From files and encoded bytes to uint8 images: decoded once, at one size, with the unreadable ones listed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def decode_image(item: Path | bytes, size_px: int, channels: int) -> np.ndarray:
    """One image as uint8 (size_px, size_px, channels): upright, shorter side resized, centre square kept.

    Raises:
        OSError, ValueError, SyntaxError, DecompressionBombError: whatever Pillow makes of an unreadable file.
    """
    with Image.open(item if isinstance(item, Path) else io.BytesIO(item)) as file:
        file.draft("RGB" if channels == 3 else "L", (size_px, size_px))
        image = ImageOps.exif_transpose(file).convert("RGB" if channels == 3 else "L")
    if image.size != (size_px, size_px):
        image = ImageOps.fit(image, (size_px, size_px), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(size_px, size_px, channels)


def decode_all(
    items: Sequence[Path | bytes], size_px: int, channels: int, title: str, keep: bool = True
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
    """Decode on all cores, with a progress bar.

    Args:
        keep: whether to return the images; without, they are only checked to be readable.

    Returns:
        images: uint8 (n, size_px, size_px, channels), those that could be read, or none.
        kept: int64 (n,), their positions in ``items``.
        skipped: for each of the others its file name, or its position, and the reason.
    """
    images = np.empty((len(items) if keep else 0, size_px, size_px, channels), dtype=np.uint8)
    skipped: dict[int, tuple[str, str]] = {}

    def decode(position: int) -> None:
        item = items[position]
        try:
            image = decode_image(item, size_px, channels)
        except UNREADABLE as error:
            name = str(item) if isinstance(item, Path) else f"{title} row {position}"
            skipped[position] = (name, str(error).splitlines()[0] or type(error).__name__)
        else:
            if keep:
                images[position] = image

    with ThreadPoolExecutor(cpu_count()) as pool:
        work = pool.map(decode, range(len(items)))
        for _ in tqdm(work, f"Decoding {title}", len(items), unit=" images", leave=False, delay=1, disable=None):
            pass
    kept = np.array([i for i in range(len(items)) if i not in skipped], dtype=np.int64)
    return (images[kept] if keep and skipped else images), kept, [skipped[i] for i in sorted(skipped)]
