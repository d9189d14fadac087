"""Decoded images in a folder: written one after the other, and read as one array that processes share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datamodules.preprocessing import ImagePreprocessing
from datamodules.sources.folders.file_paths import FilePaths
from datamodules.sources.image_decoding import decode_all, decode_image
from datamodules.sources.item_names import item_name

IMAGES, KEPT, FOUND, DIGESTS = "images.uint8", "kept.npy", "found.json", "digests.npy"


class Decoded(NamedTuple):
    """Encoded items, and those that could not be encoded.

    Attributes:
        images: uint8 (n, H, W, C), mapped from a file; none where they were only checked to be readable.
        kept: int64 (n,), the positions of those that could be read.
        reasons: why the others could not be, in their order.
        preprocessing: what they were decoded with.
    """

    images: np.ndarray
    kept: np.ndarray
    reasons: list[str]
    preprocessing: ImagePreprocessing


def write_decoded(
    folder: Path, items: Sequence[object], preprocessing: ImagePreprocessing, title: str, keep: bool, find_greys: bool
) -> None:
    """Decode items into files of a folder.

    Args:
        keep: whether to write the images; without, they are only checked to be readable.
        find_greys: whether the bits of greys with more than 8 are those that these items use.
    """
    largest: list[int] = []
    kept, skipped = _decode(folder, items, preprocessing, title, keep, largest)
    bits = max(max(largest, default=0).bit_length(), 8)
    if find_greys and largest and bits != preprocessing.grey_bits:
        preprocessing = replace(preprocessing, grey_bits=bits)
        kept, skipped = _decode(folder, items, preprocessing, title, keep, largest)
    np.save(folder / KEPT, kept)
    if isinstance(items, FilePaths):
        np.save(folder / DIGESTS, items.digests())
    found = {"reasons": [reason for _, reason in skipped], "grey_bits": preprocessing.grey_bits}
    (folder / FOUND).write_text(json.dumps(found), encoding="utf-8")


def _decode(
    folder: Path, items: Sequence[Any], preprocessing: ImagePreprocessing, title: str, keep: bool, largest: list[int]
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    size, channels = preprocessing.resize_px, preprocessing.channels
    decode = partial(
        decode_image, size_px=size, channels=channels, grey_bits=preprocessing.grey_bits, note_grey=largest.append
    )
    if not keep:
        return decode_all(items, decode, title)
    with (folder / IMAGES).open("wb") as file:
        return decode_all(items, decode, title, write=lambda image: file.write(image.tobytes()))


def read_decoded(folder: Path, items: Sequence[object], preprocessing: ImagePreprocessing) -> Decoded:
    """Load what ``write_decoded`` wrote for these items with this preprocessing."""
    if isinstance(items, FilePaths):
        items.note(np.load(folder / DIGESTS))
    kept = np.load(folder / KEPT)
    found = json.loads((folder / FOUND).read_text(encoding="utf-8"))
    size = preprocessing.resize_px
    shape = (len(kept), size, size, preprocessing.channels)
    written = len(kept) > 0 and (folder / IMAGES).exists()
    # np.memmap refuses an empty file.
    images = np.memmap(folder / IMAGES, np.uint8, "c", shape=shape) if written else np.empty((0, *shape[1:]), np.uint8)
    return Decoded(images, kept, found["reasons"], replace(preprocessing, grey_bits=found["grey_bits"]))


def of_all_items(
    items: Sequence[object], decoded: Decoded, places: np.ndarray, title: str
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
    """The result of decoding items, each distinct one only once.

    Args:
        places: int64 (n,), which of the distinct ones each item is.

    Returns:
        kept: int64 (m,), the positions of the readable items.
        rows: int64 (m,), where their images are.
        skipped: the names of the others, with the reasons.
    """
    rows = np.full(len(decoded.kept) + len(decoded.reasons), -1)
    rows[decoded.kept] = np.arange(len(decoded.kept))
    reasons = dict(zip(np.flatnonzero(rows < 0).tolist(), decoded.reasons, strict=True))
    rows = rows[places]
    left_out = np.flatnonzero(rows < 0).tolist()
    skipped = [(item_name(items[i], title, i), reasons[int(places[i])]) for i in left_out]
    kept = np.flatnonzero(rows >= 0)
    return kept, rows[kept], skipped
