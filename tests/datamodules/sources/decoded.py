"""Images, and what they are decoded to."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from datamodules.sources.image_decoding import decode_all, decode_image


def decoded(
    items: Sequence[Path | bytes], size_px: int, channels: int, title: str
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
    """The images, uint8 (n, size_px, size_px, channels), and what ``decode_all`` returns."""
    images: list[np.ndarray] = []
    decode = partial(decode_image, size_px=size_px, channels=channels)
    kept, skipped = decode_all(items, decode, title, images.append)
    return np.array(images), kept, skipped


def ramp(size: int = 64) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, size), np.linspace(0, 255, size))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=2).astype(np.uint8))
