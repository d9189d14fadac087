"""Images that somebody made up to break a reader, and odd ones that a reader should understand."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

RED, BLUE = (200, 30, 40), (20, 30, 220)


def encoded(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: tuple[int, int], depth: int, colour: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG of raw rows, each with its filter byte; colour is 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + body


def plain(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.new("RGB", size, RED).convert(mode)


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def animated(file_format: str, **options: Any) -> bytes:
    """Red, then blue."""
    later = Image.new("RGB", (64, 48), BLUE)
    return encoded(plain(), file_format, save_all=True, append_images=[later, plain()], **options)


def ycck() -> bytes:
    """A CMYK JPEG as Photoshop writes it: C, M and Y inverted and turned into luma and chroma, K inverted."""
    y, cb, cr = np.asarray(ImageOps.invert(plain()).convert("YCbCr"))[0, 0].tolist()
    stored = (255 - y, 255 - cb, 255 - cr)  # Pillow inverts what it writes
    file = encoded(Image.new("CMYK", (64, 48), (*stored, 0)), "JPEG", quality=95, subsampling=0)
    transform = file.index(b"Adobe") + 11
    return file[:transform] + b"\x02" + file[transform + 1 :]


def resized(file: bytes, old: bytes, new: bytes) -> bytes:
    """The same bytes with other sizes in the header, of which the pixels then run out."""
    assert file.count(old) >= 1
    return file.replace(old, new, 1)


def with_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(plain(), "JPEG", exif=exif)


def hostile_tiff() -> bytes:
    """Claims a billion values for a tag, a strip beyond the end of the file, and a next page that is this one."""
    tags = [(256, 3, 1, 64), (257, 3, 1, 48), (258, 4, 1_000_000_000, 8), (262, 3, 1, 1), (273, 4, 1, 2**31)]
    tags += [(277, 3, 1, 1), (278, 3, 1, 48), (279, 4, 1, 2**31), (700, 1, 2**31 - 1, 8)]
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + struct.pack("<I", 8)


# A reader should understand these: all of them are red.
READABLE: dict[str, Callable[[], bytes]] = {
    "animated.gif": lambda: animated("GIF"),
    "animated.webp": lambda: animated("WEBP", lossless=True),
    "animated.png": lambda: animated("PNG"),
    "pages.tiff": lambda: encoded(plain(), "TIFF", save_all=True, append_images=[plain()] * 200),
    "sixteen-bit-rgb.png": lambda: png((64, 48), 16, 2, (b"\0" + bytes(v for c in RED for v in (c, 0)) * 64) * 48),
    "sixteen-bit-alpha.png": lambda: png(
        (64, 48), 16, 6, (b"\0" + bytes(v for c in (*RED, 255) for v in (c, 0)) * 64) * 48
    ),
    "cmyk.jpg": lambda: encoded(plain("CMYK"), "JPEG", quality=95),
    "ycck.jpg": ycck,
    "palette.png": lambda: encoded(plain().quantize(4)),
    "palette-transparency.png": lambda: encoded(plain().quantize(4), transparency=bytes([255] * 4)),
    "rgba.webp": lambda: encoded(plain("RGBA"), "WEBP", lossless=True),
    "progressive.jpg": lambda: encoded(plain(), "JPEG", progressive=True, quality=95),
    "rotated.jpg": lambda: with_exif(6),
    "odd-rotation.jpg": lambda: with_exif(77),
    "lzw.tiff": lambda: encoded(plain(), "TIFF", compression="tiff_lzw"),
    "bmp.jpg": lambda: encoded(plain(), "BMP"),
    "ppm.png": lambda: encoded(plain(), "PPM"),
    "large.png": lambda: png((6000, 4000), 8, 2, (b"\0" + bytes(RED) * 6000) * 4000),
    "large-palette.png": lambda: png(
        (8000, 4900), 8, 3, bytes(8001 * 4900), chunk(b"PLTE", bytes(RED)), chunk(b"tRNS", b"\xff")
    ),
    "text-after.png": lambda: encoded(plain()) + b"text after the end" * 1000,
}

# Nobody should.
BROKEN: dict[str, Callable[[], bytes]] = {
    "empty.png": lambda: b"",
    "bomb.png": lambda: png((50_000, 50_000), 1, 0, bytes(100_000)),
    "smaller-bomb.png": lambda: png((13_000, 13_000), 8, 0, bytes(13_001 * 13_000)),
    "colour-bomb.png": lambda: png((9000, 9000), 8, 2, bytes(27_001 * 1000)),
    "progressive-bomb.jpg": lambda: resized(
        encoded(plain(), "JPEG", progressive=True), struct.pack(">HH", 48, 64), struct.pack(">HH", 13_000, 13_000)
    ),
    "bomb.jpg": lambda: resized(
        encoded(plain(), "JPEG"), struct.pack(">HH", 48, 64), struct.pack(">HH", 65_000, 65_000)
    ),
    "bomb.gif": lambda: resized(
        encoded(plain(), "GIF"), struct.pack("<HH", 64, 48), struct.pack("<HH", 13_000, 13_000)
    ),
    "bomb.bmp": lambda: resized(
        encoded(plain(), "BMP"), struct.pack("<ii", 64, 48), struct.pack("<ii", 60_000, 60_000)
    ),
    "rle-bomb.bmp": lambda: (
        b"BM"
        + struct.pack("<IHHI", 0, 0, 0, 1078)
        + struct.pack("<IiiHHIIiiII", 40, 6000, 6000, 1, 8, 1, 0, 0, 0, 256, 0)
        + bytes(1024)
        + b"\x01\x00" * 4_000_000
    ),
    "bomb.ppm": lambda: b"P3 6000 6000 255 " + b"0 " * 8_000_000,
    "bomb.tiff": lambda: encoded(Image.new("L", (12_000, 12_000)), "TIFF", compression="tiff_deflate"),
    "bomb.webp": lambda: resized(
        encoded(plain(), "WEBP"), struct.pack("<HH", 64, 48), struct.pack("<HH", 12_000, 12_000)
    ),
    "text-bomb.png": lambda: png(
        (64, 48), 8, 0, bytes(65 * 48), chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(200_000_000), 9))
    ),
    "many-texts.png": lambda: png(
        (64, 48), 8, 0, bytes(65 * 48), *[chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1_000_000), 9))] * 80
    ),
    "profile-bomb.png": lambda: png(
        (64, 48), 8, 0, b"", chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(200_000_000), 9))
    ),
    "truncated.png": lambda: encoded(noise())[:2000],
    "truncated.jpg": lambda: encoded(noise(), "JPEG")[:1500],
    "truncated.webp": lambda: encoded(noise(), "WEBP")[:1500],
    "truncated.gif": lambda: encoded(noise(), "GIF")[:1500],
    "truncated.tiff": lambda: encoded(noise(), "TIFF")[:1500],
    "bad-checksum.png": lambda: encoded(noise()).replace(b"IHDR", b"IHDS"),
    "no-pixels.png": lambda: png((0, 0), 8, 0, b""),
    "hostile-tags.tiff": hostile_tiff,
    "fractions.tiff": lambda: encoded(Image.new("F", (64, 48), 0.5), "TIFF"),
    "text.jpg": lambda: b"this is no image\n" * 100,
    "drawing.jpg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/x"/></svg>',
    "program.jpg": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n(canary) (w) file\n",
    "icon.png": lambda: encoded(plain(), "ICO"),
    "archive.jpg": lambda: b"PK\x03\x04" + bytes(100),
}


def damaged(number: int) -> tuple[str, bytes]:
    """A readable small image with bytes overwritten, and every third one cut short; the same for the same number."""
    chance = random.Random(number)
    small = [name for name in READABLE if not name.startswith(("large", "pages"))]
    name = small[number % len(small)]
    content = bytearray(READABLE[name]())
    for _ in range(chance.randint(1, 5)):
        # Headers come first, and are where readers break.
        content[chance.randrange(min(len(content), chance.choice([100, 400, 10**9])))] = chance.randrange(256)
    end = chance.randrange(len(content)) if number % 3 == 0 else len(content)
    return f"damaged-{number}-{name}", bytes(content[:end])


def write_odd_entries(folder: Path) -> list[Path]:
    """What a folder can hold that is no file, named as images."""
    os.mkfifo(folder / "pipe.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "nowhere.png").symlink_to("gone.png")
    (folder / "endless.png").symlink_to("/dev/zero")
    with (folder / "vast.png").open("wb") as file:
        file.truncate(10**11)  # a file of holes, which takes no room
    return [folder / f"{name}.png" for name in ("endless", "loop", "nowhere", "pipe", "vast")]


ODD_NAMES = (
    "new\nline.png",
    "bell\a \x1b[31mred.png",
    "\u202egnp.exe.png",
    os.fsdecode(b"caf\xe9.png"),
    "🙂 \u200b.png",
)
