"""Images of every usual kind decode sensibly; what is not an image is listed with a reason."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from datamodules.image_decoding import decode_all, decode_image


def encoded(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def ramp(size: int = 64) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, size), np.linspace(0, 255, size))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=2).astype(np.uint8))


@pytest.mark.parametrize(("mode", "file_format"), [("RGB", "PNG"), ("RGB", "JPEG"), ("CMYK", "JPEG"), ("RGB", "WEBP")])
def test_colour_formats_give_the_colours(mode: str, file_format: str) -> None:
    image = decode_image(encoded(ramp().convert(mode), file_format), 64, 3)
    assert image.shape == (64, 64, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - np.asarray(ramp()).astype(int)).mean() < 6


def test_palettes_give_the_colours() -> None:
    image = decode_image(encoded(ramp().quantize(256)), 64, 3)
    assert np.abs(image.astype(int) - np.asarray(ramp()).astype(int)).mean() < 8


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bit_greys_are_scaled(channels: int) -> None:
    deep = Image.fromarray((np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64))
    image = decode_image(encoded(deep), 64, channels)
    assert np.array_equal(image[..., 0].ravel(), np.arange(64 * 64) // 16)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white_without_a_warning(mode: str) -> None:
    data = encoded(ramp(8).quantize(8), transparency=bytes(8)) if mode == "P" else encoded(Image.new(mode, (8, 8)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode_image(data, 8, 3).min() == 255


def test_colour_becomes_grey_where_one_channel_is_wanted() -> None:
    image = decode_image(encoded(Image.new("RGB", (8, 8), (255, 0, 0))), 8, 1)
    assert image.shape == (8, 8, 1)
    assert np.unique(image).tolist() == [76]  # ITU-R 601 luma of red


def test_a_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: to be turned clockwise
    image = decode_image(encoded(ramp(), "JPEG", exif=exif), 64, 3).astype(int)
    expected = np.asarray(ramp().transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert np.abs(image - expected).mean() < 6


def test_the_shorter_side_is_resized_and_the_middle_kept() -> None:
    wide = Image.new("RGB", (90, 30), "blue")
    wide.paste((255, 0, 0), (30, 0, 60, 30))
    image = decode_image(encoded(wide), 10, 3)
    assert (image[:, 1:-1] == [255, 0, 0]).all()  # the outermost columns are blended with what lay beyond


def test_a_large_jpeg_decoded_at_a_fraction_looks_the_same() -> None:
    small = decode_image(encoded(ramp(512), "JPEG"), 32, 3).astype(int)
    assert np.abs(small - np.asarray(ramp(512).resize((32, 32), Image.Resampling.BILINEAR)).astype(int)).mean() < 4


BROKEN = {
    "text": b"this is no image",
    "nothing": b"",
    "truncated JPEG": encoded(ramp(200), "JPEG")[:1500],
    "truncated PNG": encoded(ramp(200))[:300],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_images_are_skipped_with_a_reason(tmp_path: Path, name: str) -> None:
    good, broken = tmp_path / "good.jpg", tmp_path / "broken.jpg"
    good.write_bytes(encoded(ramp(), "JPEG"))
    broken.write_bytes(BROKEN[name])
    images, kept, skipped = decode_all([good, broken, good], 16, 3, "train")
    assert images.shape == (2, 16, 16, 3)
    assert kept.tolist() == [0, 2]
    assert np.array_equal(images[0], images[1])
    assert len(skipped) == 1
    assert skipped[0][0] == str(broken)
    assert skipped[0][1]
    assert "\n" not in skipped[0][1]


def test_reasons_name_no_address_so_that_two_runs_agree() -> None:
    assert decode_all([b"nonsense"], 8, 3, "val")[2] == [("val row 0", "not an image")]


def test_a_decompression_bomb_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    _, kept, skipped = decode_all([encoded(ramp(64))], 8, 3, "train")
    assert len(kept) == 0
    assert "decompression bomb" in skipped[0][1]


def test_pillow_is_not_told_to_accept_truncated_files() -> None:
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_threads_and_one_thread_give_the_same_images() -> None:
    small = [encoded(Image.new("L", (8, 8), value)) for value in range(50)]
    large = [data + bytes(10_000) for data in small]  # bytes after the end of a PNG mean nothing
    one, many = decode_all(small, 8, 1, "train")[0], decode_all(large, 8, 1, "train")[0]
    assert np.array_equal(one, many)
    assert one[:, 0, 0, 0].tolist() == list(range(50))


def test_a_check_without_keeping_still_lists_the_unreadable() -> None:
    images, kept, skipped = decode_all([encoded(ramp()), b"x"], 8, 3, "train", keep=False)
    assert len(images) == 0
    assert kept.tolist() == [0]
    assert len(skipped) == 1
