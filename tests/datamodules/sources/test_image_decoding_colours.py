import warnings

import numpy as np
import pytest
from PIL import Image

from datamodules.sources.image_decoding import decode_image
from tests.datamodules import hostile_images
from tests.datamodules.hostile_images import encoded
from tests.datamodules.sources.decoded import ramp


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


@pytest.mark.parametrize(("bits", "expected"), [(8, 239), (12, 14), (16, 0), (17, 0)])
def test_of_deep_greys_the_highest_8_of_the_bits_in_use_are_kept(bits: int, expected: int) -> None:
    largest: list[int] = []
    deep = encoded(Image.fromarray(np.full((8, 8), 239, dtype=np.uint16)))
    image = decode_image(deep, 8, 1, bits, largest.append)
    assert (np.unique(image).tolist(), largest) == ([expected], [239])
    assert decode_image(encoded(Image.fromarray(np.full((8, 8), 4095, dtype=np.uint16))), 8, 1, 8).min() == 255


def sixteen_bit_colours(value: int) -> bytes:
    return hostile_images.png((8, 8), 16, 2, (b"\0" + value.to_bytes(2, "big") * 3 * 8) * 8)


def test_deep_colours_that_would_be_black_are_unreadable_rather_than_black() -> None:
    assert decode_image(sixteen_bit_colours(60_000), 8, 3).max() == 234
    with pytest.raises(ValueError, match="16-bit colours use 12 bits or fewer"):
        decode_image(sixteen_bit_colours(4095), 8, 3)


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
