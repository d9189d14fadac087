"""From files and encoded bytes to uint8 images: decoded once, at one size, with the unreadable ones listed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

from datamodules.sources import first_line

UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
# Below this many encoded bytes, threads only wait for each other's interpreter lock.
WORTH_A_THREAD_BYTES = 8192


def decode_image(item: Path | bytes, size_px: int, channels: int) -> np.ndarray:
    """One image as uint8 (size_px, size_px, channels): upright, shorter side resized, centre square kept.

    16-bit greys are scaled, CMYK and palettes become RGB, and what is transparent becomes white.

    Raises:
        OSError, ValueError, SyntaxError, DecompressionBombError: whatever Pillow makes of an unreadable file.
    """
    mode = "RGB" if channels == 3 else "L"
    with Image.open(item if isinstance(item, Path) else io.BytesIO(item)) as file:
        file.draft(mode, (size_px, size_px))
        file.load()
        ImageOps.exif_transpose(file, in_place=True)
        image = _to_mode(file, mode)
    if image.size != (size_px, size_px):
        image = ImageOps.fit(image, (size_px, size_px), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(size_px, size_px, channels)


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I"):  # Pillow would clip 16 bits instead of scaling them
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert(mode)


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
            # Pillow names the file again, or the address of its bytes, which no two runs share.
            unknown = isinstance(error, UnidentifiedImageError)
            skipped[position] = (item_name(item, title, position), "not an image" if unknown else first_line(error))
        else:
            if keep:
                images[position] = image

    small = all(isinstance(item, bytes) and len(item) < WORTH_A_THREAD_BYTES for item in items[:100])
    with ThreadPoolExecutor(cpu_count()) as pool:
        work = (map if small else pool.map)(decode, range(len(items)))
        for _ in tqdm(work, f"Decoding {title}", len(items), unit=" images", leave=False, delay=1, disable=None):
            pass
    kept = np.setdiff1d(np.arange(len(items)), list(skipped)).astype(np.int64)
    return (images[kept] if keep and skipped else images), kept, [skipped[i] for i in sorted(skipped)]


def item_name(item: Path | bytes, title: str, position: int) -> str:
    """What a person can find an item by: its file, or its row."""
    return str(item) if isinstance(item, Path) else f"{title} row {position}"
