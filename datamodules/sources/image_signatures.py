"""Telling by its first bytes whether a file is an image, and one that can be read."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Endings of files that say to be images, whatever is in them; a broken one counts as unreadable, not as another file.
READ_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
RAW_SUFFIXES = (
    *(".dng", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".srf", ".sr2", ".orf", ".rw2", ".raf", ".pef"),
    *(".srw", ".x3f", ".3fr", ".iiq", ".mrw", ".kdc", ".erf"),
)
UNREAD_SUFFIXES = (".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".psd", ".svg", ".dcm", ".exr", ".tga", ".ico")
IMAGE_SUFFIXES = READ_SUFFIXES + UNREAD_SUFFIXES + RAW_SUFFIXES

SIGNATURE_BYTES = 132
READ = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|II[*+]\0|MM\0[*+]|P[1-6]\s+[#\d]"
    rb"|BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    re.DOTALL,
)
UNREAD = {
    "HEIC": re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.DOTALL),
    "AVIF": re.compile(rb"....ftypavi[fs]", re.DOTALL),
    "camera raw": re.compile(rb"....ftypcrx|FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|\0MRM|FOVb", re.DOTALL),
    "JPEG XL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
    "JPEG 2000": re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    "Photoshop": re.compile(rb"8BPS"),
    "OpenEXR": re.compile(rb"\x76\x2f\x31\x01"),
    "DICOM": re.compile(rb".{128}DICM", re.DOTALL),
}


def is_image(path: str) -> bool:
    """Return whether an entry of a folder says to be an image, by its name or, if it is a file, by its first bytes."""
    return says_to_be_image(path) or (Path(path).is_file() and begins_as_image(path))


def says_to_be_image(name: str) -> bool:
    """Return whether a file's name ends as those of images do."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def unread_format(start: bytes) -> str:
    """The format of an image that nothing here can read, by its first 132 bytes; empty for everything else."""
    return next((name for name, signature in UNREAD.items() if signature.match(start)), "")


def begins_as_image(path: str) -> bool:
    """Return whether a regular file begins as an image does, readable or not. One that cannot be looked at does not."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            start = os.read(file, SIGNATURE_BYTES)
        finally:
            os.close(file)
    except OSError:
        return False
    return bool(READ.match(start) or unread_format(start))
