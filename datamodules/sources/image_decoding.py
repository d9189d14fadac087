"""From files and encoded bytes to uint8 images: decoded once, at one size, with the unreadable ones listed."""

from __future__ import annotations

import io
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from os import cpu_count
from pathlib import Path
from threading import Condition
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

from datamodules.sources.image_signatures import RAW_SUFFIXES, SIGNATURE_BYTES, unread_format
from datamodules.sources.item_names import item_name
from datamodules.sources.source import check_regular, first_line

# Pillow knows forty more. Nobody has reason to train on those, and some, such as EPS, run other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MEMORY_BYTES = 180_000_000
# While it is loaded, with the decoder's own copies: libwebp keeps a canvas or two, libtiff maps the file.
BYTES_PER_PIXEL = {"WEBP": 15, "TIFF": 6}
# Below this many pixels, an image may be copied as often as is convenient.
LARGE_PIXELS = 1_000_000
BACKGROUND = "white"  # of what is transparent
RESIZE_FILTER = Image.Resampling.BILINEAR
# Of greys with more than 8 bits, where nothing is known of the data that they belong to.
GREY_BITS = 16
# Decoders that Pillow wrote in Python: they take a second for a million pixels.
SLOW_DECODERS = ("bmp_rle", "ppm_plain")
SLOW_PIXELS = 500_000
# Below this many encoded bytes, threads only wait for each other's interpreter lock.
WORTH_A_THREAD_BYTES = 8192
AHEAD = 8  # images a core that are decoded, or wait to be, before the first of them is asked for
# Pillow drops the low byte of 16-bit colours: of fewer than 12 bits, less than this is left.
DARK_COLOUR = 16


class MemoryAllowance:
    """A number of bytes for all threads together; a thread waits until enough of them are free."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = self._free_bytes = total_bytes
        self._released = Condition()

    @contextmanager
    def claim(self, size_bytes: int) -> Iterator[None]:
        """Hold this many bytes.

        Raises:
            ValueError: there are not that many.
        """
        if size_bytes > self.total_bytes:
            raise ValueError(
                f"too large: decoding takes {size_bytes / 1e6:,.0f} MB, {self.total_bytes / 1e6:.0f} allowed"
            )
        with self._released:
            self._released.wait_for(lambda: self._free_bytes >= size_bytes)
            self._free_bytes -= size_bytes
        try:
            yield
        finally:
            with self._released:
                self._free_bytes += size_bytes
                self._released.notify_all()


DECODING = MemoryAllowance(MEMORY_BYTES)


def decode_image(
    item: Path | bytes,
    size_px: int,
    channels: int,
    grey_bits: int = GREY_BITS,
    note_grey: Callable[[int], None] | None = None,
) -> np.ndarray:
    """One image as uint8 (size_px, size_px, channels): upright, shorter side resized, centre square kept.

    Of greys with more than 8 bits the highest 8 of ``grey_bits`` are kept, CMYK and palettes become RGB, what is
    transparent becomes white, and of an animation the first picture counts.

    Args:
        note_grey: is called with the largest value of a grey with more than 8 bits.

    Raises:
        Exception: whatever Pillow makes of an unreadable file, and ValueError for one that is too large.
    """
    mode = "RGB" if channels == 3 else "L"
    if isinstance(item, Path):
        check_regular(item)
    with Image.open(item if isinstance(item, Path) else io.BytesIO(item), formats=FORMATS) as file:
        pixels, deep = file.width * file.height, ";16" in str(file.tile)
        file.draft(mode, (size_px, size_px))
        with DECODING.claim(_decoding_bytes(file, pixels)):
            file.load()
            if file.mode.startswith("I") and note_grey is not None:
                note_grey(_largest(file))
            elif deep and file.mode in ("RGB", "RGBA", "LA"):
                _check_colours(file)
            image = _shrunk(file, mode, size_px, grey_bits)
            image.getexif()[ExifTags.Base.Orientation] = file.getexif().get(ExifTags.Base.Orientation, 1)
            file.close()  # frees its pixels before the next thread claims as many; leaving the context does not
    ImageOps.exif_transpose(image, in_place=True)
    if image.size != (size_px, size_px):
        image = ImageOps.fit(image, (size_px, size_px), RESIZE_FILTER)
    return np.asarray(image).reshape(size_px, size_px, channels)


def _largest(image: Image.Image) -> int:
    """The largest value of a grey with more than 8 bits."""
    return max(int(np.asarray(image.crop((0, row, image.width, row + 1))).max()) for row in range(image.height))


def _check_colours(image: Image.Image) -> None:
    """Refuse 16-bit colours that are next to nothing without their low byte."""
    ranges: Any = image.getextrema()
    colours = [highest for _, highest in ranges[: 1 if image.mode == "LA" else 3]]
    if max(colours) < DARK_COLOUR:
        raise ValueError("its 16-bit colours use 12 bits or fewer, too dark to see: save it with 8 bits")


def _decoding_bytes(file: ImageFile.ImageFile, pixels: int) -> int:
    """The memory that loading takes; ``pixels`` of a JPEG are those before it is decoded at a fraction."""
    if file.info.get("progressive"):
        return 6 * pixels  # libjpeg keeps the coefficients of the whole image
    decoded = file.width * file.height
    if decoded > SLOW_PIXELS and file.tile and file.tile[0].codec_name in SLOW_DECODERS:
        raise ValueError(f"{decoded:,} pixels are too many for its encoding: save it as PNG")
    return decoded * (16 if decoded <= LARGE_PIXELS else BYTES_PER_PIXEL.get(str(file.format), 4))


def _shrunk(image: Image.Image, mode: str, size_px: int, grey_bits: int) -> Image.Image:
    """Convert to a mode; of a large image, shrink the centre square to at least twice ``size_px`` if it has so much.

    That goes band by band: the conversions would copy the whole image several times.
    """
    if image.width * image.height <= LARGE_PIXELS:
        return _to_mode(image, mode, grey_bits)
    side = min(image.size)
    factor = max(side // (2 * size_px), 1)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    shrunk = Image.new(mode, (side // factor, side // factor))
    for row in range(shrunk.height):
        upper = top + row * factor
        band = image.crop((left, upper, left + shrunk.width * factor, upper + factor))
        shrunk.paste(_to_mode(band, mode, grey_bits).reduce(factor), (0, row))
    return shrunk


def _to_mode(image: Image.Image, mode: str, grey_bits: int) -> Image.Image:
    if image.mode.startswith("I"):  # Pillow would clip 16 bits instead of scaling them
        image = Image.fromarray((np.asarray(image) >> (grey_bits - 8)).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("its pixels are fractions, whose range nobody knows: save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image.convert("RGBA"))
    return image.convert(mode)


def decode_all(
    items: Sequence[Path | bytes],
    decode: Callable[[Path | bytes], np.ndarray],
    title: str,
    write: Callable[[np.ndarray], object] | None = None,
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Decode on all cores, with a progress bar, only few images ahead of what is written.

    Args:
        write: is given each image, in order; without, they are only checked to be readable.

    Returns:
        kept: int64 (n,), the positions in ``items`` of those that could be read.
        skipped: for each of the others its file name, or its position, and the reason.
    """
    kept, skipped = [], []
    read = getattr(items, "read", items.__getitem__)

    def attempt(position: int) -> np.ndarray | str:
        item = items[position]
        if isinstance(item, Path) and item.suffix.lower() in RAW_SUFFIXES:  # Pillow would take the preview in it
            return "a camera's raw file: convert it to JPEG or PNG"
        try:
            return decode(read(position))
        except Exception as error:  # noqa: BLE001  # decoders raise anything for bytes that somebody made up
            return why_unreadable(error, item)

    small = all(isinstance(item, bytes) and len(item) < WORTH_A_THREAD_BYTES for item in items[:100])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # of what is odd in a file that is readable all the same
        work = (map if small else _on_all_cores)(attempt, range(len(items)))
        bar = tqdm(work, f"Decoding {title}", len(items), unit=" images", leave=False, delay=1, disable=None)
        for position, outcome in enumerate(bar):
            if isinstance(outcome, str):
                skipped.append((item_name(items[position], title, position), outcome))
                continue
            kept.append(position)
            if write is not None:
                write(outcome)
    return np.array(kept, dtype=np.int64), skipped


def _on_all_cores(attempt: Callable[[int], np.ndarray | str], positions: Iterable[int]) -> Iterator[np.ndarray | str]:
    """Do as ``map`` does, with threads that are only so far ahead."""
    threads = cpu_count() or 1
    ahead: deque[Future[np.ndarray | str]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for position in positions:
            ahead.append(pool.submit(attempt, position))
            if len(ahead) == AHEAD * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def why_unreadable(error: Exception, item: Path | bytes) -> str:
    """Say why an image cannot be read, without what Pillow repeats.

    That is the file's name, or the address of its bytes, which no two runs share.
    """
    if isinstance(error, UnidentifiedImageError):
        if name := unread_format(_start(item)):
            return f"{name}, which cannot be read here: convert it to JPEG or PNG"
        return f"not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image"
    return (error.strerror if isinstance(error, OSError) else None) or first_line(error)


def _start(item: Path | bytes) -> bytes:
    if isinstance(item, bytes):
        return item[:SIGNATURE_BYTES]
    with item.open("rb") as file:
        return file.read(SIGNATURE_BYTES)
