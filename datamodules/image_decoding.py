"""From files and encoded bytes to uint8 images: decoded once, at one size, with the unreadable ones listed."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import cpu_count
from pathlib import Path
from threading import Condition

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

from datamodules.sources import check_regular, first_line

# Pillow knows forty more. Nobody has reason to train on those, and some, such as EPS, run other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MEMORY_BYTES = 180_000_000
# While it is loaded, with the decoder's own copies: libwebp keeps a canvas or two, libtiff maps the file.
BYTES_PER_PIXEL = {"WEBP": 15, "TIFF": 6}
# Below this many pixels, an image may be copied as often as is convenient.
LARGE_PIXELS = 1_000_000
BACKGROUND = "white"  # of what is transparent
RESIZE_FILTER = Image.Resampling.BILINEAR
# Decoders that Pillow wrote in Python: they take a second for a million pixels.
SLOW_DECODERS = ("bmp_rle", "ppm_plain")
SLOW_PIXELS = 500_000
# Below this many encoded bytes, threads only wait for each other's interpreter lock.
WORTH_A_THREAD_BYTES = 8192


class MemoryAllowance:
    """So many bytes for all threads together; a thread waits until enough of them are free."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = self._free_bytes = total_bytes
        self._released = Condition()

    @contextmanager
    def claim(self, size_bytes: int) -> Iterator[None]:
        """Hold so many bytes.

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


def decode_image(item: Path | bytes, size_px: int, channels: int) -> np.ndarray:
    """One image as uint8 (size_px, size_px, channels): upright, shorter side resized, centre square kept.

    16-bit greys are scaled, CMYK and palettes become RGB, what is transparent becomes white, and of an animation the
    first picture counts.

    Raises:
        Exception: whatever Pillow makes of an unreadable file, and ValueError for one that is too large.
    """
    mode = "RGB" if channels == 3 else "L"
    if isinstance(item, Path):
        check_regular(item)
    with Image.open(item if isinstance(item, Path) else io.BytesIO(item), formats=FORMATS) as file:
        pixels = file.width * file.height
        file.draft(mode, (size_px, size_px))
        with DECODING.claim(_decoding_bytes(file, pixels)):
            file.load()
            image = _shrunk(file, mode, size_px)
            image.getexif()[ExifTags.Base.Orientation] = file.getexif().get(ExifTags.Base.Orientation, 1)
            file.close()  # frees its pixels before the next thread claims as many; leaving the context does not
    ImageOps.exif_transpose(image, in_place=True)
    if image.size != (size_px, size_px):
        image = ImageOps.fit(image, (size_px, size_px), RESIZE_FILTER)
    return np.asarray(image).reshape(size_px, size_px, channels)


def _decoding_bytes(file: ImageFile.ImageFile, pixels: int) -> int:
    """The memory that loading takes; ``pixels`` of a JPEG are those before it is decoded at a fraction."""
    if file.info.get("progressive"):
        return 6 * pixels  # libjpeg keeps the coefficients of the whole image
    decoded = file.width * file.height
    if decoded > SLOW_PIXELS and file.tile and file.tile[0].codec_name in SLOW_DECODERS:
        raise ValueError(f"{decoded:,} pixels are too many for its encoding: save it as PNG")
    return decoded * (16 if decoded <= LARGE_PIXELS else BYTES_PER_PIXEL.get(str(file.format), 4))


def _shrunk(image: Image.Image, mode: str, size_px: int) -> Image.Image:
    """In the given mode; of a large image the centre square, each side at least twice ``size_px`` if it has so much.

    That goes band by band: the conversions would copy the whole image several times.
    """
    if image.width * image.height <= LARGE_PIXELS:
        return _to_mode(image, mode)
    side = min(image.size)
    factor = max(side // (2 * size_px), 1)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    shrunk = Image.new(mode, (side // factor, side // factor))
    for row in range(shrunk.height):
        upper = top + row * factor
        band = image.crop((left, upper, left + shrunk.width * factor, upper + factor))
        shrunk.paste(_to_mode(band, mode).reduce(factor), (0, row))
    return shrunk


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I"):  # Pillow would clip 16 bits instead of scaling them
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("its pixels are fractions, whose range nobody knows: save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image.convert("RGBA"))
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
        except Exception as error:  # noqa: BLE001  # decoders raise anything for bytes that somebody made up
            skipped[position] = (item_name(item, title, position), _reason(error))
        else:
            if keep:
                images[position] = image

    small = all(isinstance(item, bytes) and len(item) < WORTH_A_THREAD_BYTES for item in items[:100])
    with ThreadPoolExecutor(cpu_count()) as pool, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # of what is odd in a file that is readable all the same
        work = (map if small else pool.map)(decode, range(len(items)))
        for _ in tqdm(work, f"Decoding {title}", len(items), unit=" images", leave=False, delay=1, disable=None):
            pass
    kept = np.setdiff1d(np.arange(len(items)), list(skipped)).astype(np.int64)
    return (images[kept] if keep and skipped else images), kept, [skipped[i] for i in sorted(skipped)]


def _reason(error: Exception) -> str:
    """Without what Pillow repeats: the file's name, or the address of its bytes, which no two runs share."""
    if isinstance(error, UnidentifiedImageError):
        return f"not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image"
    return (error.strerror if isinstance(error, OSError) else None) or first_line(error)


def item_name(item: Path | bytes, title: str, position: int) -> str:
    """What a person can find an item by: its file, or its row."""
    return str(item) if isinstance(item, Path) else f"{title} row {position}"
