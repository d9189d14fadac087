"""Files are told by their first bytes, as no name can be trusted."""

import os
from pathlib import Path

import pytest
from PIL import Image

from datamodules.sources.image_signatures import begins_as_image, is_image, says_to_be_image, unread_format


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_every_format_that_is_read_is_known_without_its_ending(format: str, tmp_path: Path) -> None:  # noqa: A002
    Image.new("RGB", (3, 3)).save(tmp_path / "photo", format)
    assert begins_as_image(str(tmp_path / "photo"))
    assert is_image(str(tmp_path / "photo"))
    assert unread_format((tmp_path / "photo").read_bytes()[:132]) == ""


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b"\0\0\0\x18ftypcrx ", "camera raw"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0" * 128 + b"DICM", "DICOM"),
        (b"8BPS\0\1", "Photoshop"),
    ],
)
def test_an_image_that_nothing_here_reads_is_called_by_its_format(start: bytes, name: str, tmp_path: Path) -> None:
    assert unread_format(start) == name
    (tmp_path / "photo").write_bytes(start)
    assert begins_as_image(str(tmp_path / "photo"))


def test_a_text_a_table_and_an_empty_file_are_no_images(tmp_path: Path) -> None:
    for name, content in (("a.txt", b"BM is a name"), ("b.csv", b"PK,GIF\n"), ("c", b""), ("d", b"P7 of 8")):
        (tmp_path / name).write_bytes(content)
        assert not is_image(str(tmp_path / name)), name


def test_a_broken_image_still_says_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "a.JPG").write_bytes(b"")
    assert is_image(str(tmp_path / "a.JPG"))
    assert says_to_be_image("x.nef")
    assert not says_to_be_image("png")


def test_what_is_no_regular_file_is_no_image_and_nothing_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not begins_as_image(str(tmp_path / "pipe"))
    assert not begins_as_image(str(tmp_path))
    assert not begins_as_image(str(tmp_path / "nope"))
