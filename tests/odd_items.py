"""Odd images and texts, readable and not, that every way into a model has to see alike."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from tests.datamodules.hostile_images import BROKEN, READABLE, damaged, encoded, noise, png

EXIF_ORIENTATION = 0x0112


def rotated(orientation: int, size: tuple[int, int] = (64, 48)) -> bytes:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return encoded(noise(size), "JPEG", exif=exif)


def with_alpha(size: tuple[int, int] = (40, 30)) -> Image.Image:
    image = noise(size).convert("RGBA")
    image.putalpha(noise(size).getchannel(0))
    return image


def sixteen_bit(size: tuple[int, int] = (50, 40)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 2**16, size[::-1], dtype=np.uint16))


def animated(file_format: str) -> bytes:
    file = io.BytesIO()
    noise().save(file, file_format, save_all=True, append_images=[Image.new("RGB", (64, 48)), noise()])
    return file.getvalue()


NOISY: dict[str, Callable[[], bytes]] = {
    "one-pixel.png": lambda: encoded(noise((1, 1))),
    "wide.png": lambda: encoded(noise((500, 2))),
    "tall.png": lambda: encoded(noise((2, 500))),
    "odd.png": lambda: encoded(noise((33, 35))),
    "same-size.png": lambda: encoded(noise((32, 32))),
    "palette.png": lambda: encoded(noise().quantize(16)),
    "palette-transparent.png": lambda: encoded(noise().quantize(8), transparency=bytes(range(0, 256, 32))),
    "colour-key.png": lambda: encoded(Image.new("RGB", (40, 40), (1, 2, 3)), transparency=(1, 2, 3)),
    "rgba.png": lambda: encoded(with_alpha()),
    "grey-alpha.png": lambda: encoded(with_alpha().convert("LA")),
    "grey.png": lambda: encoded(noise().convert("L")),
    "bilevel.png": lambda: encoded(noise().convert("1")),
    "cmyk.jpg": lambda: encoded(noise().convert("CMYK"), "JPEG"),
    "cmyk.tiff": lambda: encoded(noise().convert("CMYK"), "TIFF"),
    "lab.tiff": lambda: encoded(Image.new("LAB", (40, 40), (120, 30, 200)), "TIFF"),
    "sixteen-bit.png": lambda: encoded(sixteen_bit()),
    "sixteen-bit.tiff": lambda: encoded(sixteen_bit(), "TIFF"),
    "large-sixteen-bit.png": lambda: encoded(sixteen_bit((1201, 1003))),
    "dark-sixteen-bit.png": lambda: encoded(Image.fromarray(np.asarray(sixteen_bit()) // 256)),
    "dark-sixteen-bit-rgb.png": lambda: png((4, 4), 16, 2, (b"\0" + b"\1\200" * 3 * 4) * 4),
    "animated.gif": lambda: animated("GIF"),
    "animated.webp": lambda: animated("WEBP"),
    "large.jpg": lambda: encoded(noise((1701, 1303)), "JPEG"),
    "large.png": lambda: encoded(noise((1301, 907))),
    "large-alpha.png": lambda: encoded(with_alpha((1100, 1201))),
    "large-palette.png": lambda: encoded(noise((1500, 999)).convert("P")),
    "large-rotated.jpg": lambda: rotated(6, (1501, 1209)),
    "no-end.jpg": lambda: encoded(noise(), "JPEG")[:-2],
    "text-after.jpg": lambda: encoded(noise(), "JPEG") + b"text after the end",
    **{f"rotated-{orientation}.jpg": lambda o=orientation: rotated(o) for orientation in (2, 3, 4, 5, 6, 7, 8, 0, 99)},  # type: ignore[misc]  # lambdas with defaults
}
SLOW_OR_HUGE = ("large.png", "large-palette.png", "pages.tiff", "bomb", "many-texts.png")
OF_OTHERS = {**READABLE, **{f"broken-{name}": content for name, content in BROKEN.items()}}


def odd_images() -> Iterator[tuple[str, bytes]]:
    """Nearly a hundred files by name: noise of every mode and shape, others' odd ones, broken and damaged ones."""
    yield from ((name, content()) for name, content in NOISY.items())
    for name, content in OF_OTHERS.items():
        if not any(part in name for part in SLOW_OR_HUGE):
            yield f"other-{name}", content()
    yield from map(damaged, range(30))


WORDS = "a fine film with a slow start and a good end "
ODD_TEXTS: tuple[str | None, ...] = (
    None,
    "",
    " ",
    "\n\t \r\n",
    "\u00a0\u2003",
    "\ufeff",
    "\u200b",
    "a",
    "?",
    "...",
    "🙂",
    "🙂🙂🙂 👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "A fine film.",
    "DULL, SLOW and L-O-N-G!!!",
    "caf\u00e9 cafe\u0301 na\u00efve",
    "\ufb01ne \u2460 \u00bd",
    "\ufeffA fine film",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u202eenif\u202c film",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u597d\u7535\u5f71\uff0c\u5f88\u597d\u770b\u3002",
    "\u3068\u3066\u3082\u826f\u3044",
    "\uc88b\uc740 \uc601\ud654",
    "\ud83d",
    "half \udc00 a \ud800 pair",
    "zero\x00byte",
    "\x01\x02\x1b[31mred\x7f",
    "line\u2028separated\u2029text",
    "a\tb\nc\r\nd",
    "<br />good<br/>film<BR>",
    "<script>alert('x')</script>",
    "[CLS] [SEP] [PAD] [MASK] [UNK]",
    "[PAD]",
    "'; DROP TABLE films; --",
    '\\n \\u0041 "quoted"',
    "http://example.org/a?b=c&d=e",
    "x" * 99,
    "x" * 101,
    "x" * 5000,
    "w " * 125 + "end",
    "w " * 126 + "end",
    "w " * 127 + "end",
    "w " * 128 + "end",
    WORDS * 3,
    WORDS * 30,
    WORDS * 300,
    "bad " * 126 + "good " * 200,
    "\u597d" * 129,
    "\u597d" * 700,
    "🙂" * 200,
    "z\u0337\u0331\u033e" * 60,
    " " * 60_000 + "a fine film" + " " * 60_000,
    "a fine film" + " " * 120_000,
    "head " + "m " * 60_000 + " tail",
    "e" * 100_001,
    "1 2 3 4 5 6 7 8 9 10",
    "١٢٣ ⅷ",
)
