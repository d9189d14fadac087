"""Requests to send: of files that a person names, or of images and texts made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MADE = 64  # different items, which are sent in turn
MOST_READ = 1000
PATCHES = 8  # along a side of a made image, which are smoothed, as photographs have large areas
WORDS = ("a", "fine", "film", "with", "slow", "start", "the", "good", "bad", "end", "of", "its", "plot", "was", "not")
TYPES = {"image": "image/png", "text": "text/plain; charset=utf-8"}


def requests_for(takes: str, bodies: list[bytes], host: str, key: str | None) -> list[bytes]:
    """Whole HTTP requests, one an item.

    Args:
        takes: image or text.
        key: of the service; None where it asks for none.
    """
    secret = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: {TYPES[takes]}\r\n{secret}"
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]


def read_items(takes: str, source: Path) -> list[bytes]:
    """The images of a folder or file, or the lines of a text file.

    Raises:
        ValueError: there are none.
    """
    if not source.exists():
        raise ValueError(f"--input={source} does not exist")
    if takes == "text":
        lines = [] if source.is_dir() else source.read_text(encoding="utf-8").splitlines()
        found = [line.encode() for line in lines if line.strip()]
    else:
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        found = [path.read_bytes() for path in files[:MOST_READ]]
    if not found:
        wanted = "a folder of images, or an image" if takes == "image" else "a file with a text on each line"
        raise ValueError(f"--input={source} holds nothing to send: give {wanted}")
    return found[:MOST_READ]


def made_items(takes: str, preprocessing: Mapping[str, Any]) -> list[bytes]:
    """Items like those that the model is for: PNGs of its size, or texts of mixed lengths up to what it reads."""
    rng = np.random.default_rng(0)
    if takes == "image":
        return list(_images(rng, int(preprocessing["image_size_px"]), int(preprocessing["channels"])))
    return list(_texts(rng, int(preprocessing["max_tokens"])))


def _images(rng: np.random.Generator, side: int, channels: int) -> Iterator[bytes]:
    for _ in range(MADE):
        patches = Image.fromarray(rng.integers(256, size=(PATCHES, PATCHES, 3), dtype=np.uint8))
        image = patches.resize((side, side), Image.Resampling.BICUBIC).convert("RGB" if channels == 3 else "L")
        file = BytesIO()
        image.save(file, "PNG")
        yield file.getvalue()


def _texts(rng: np.random.Generator, longest: int) -> Iterator[bytes]:
    for length in np.exp(rng.uniform(np.log(5), np.log(max(longest, 6)), MADE)).astype(int):
        yield " ".join(rng.choice(WORDS, length)).encode()
