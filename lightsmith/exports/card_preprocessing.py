"""The preprocessing of an exported model for its card: in words, and as code that needs no Lightsmith.

predict.py beside the card has the source of one of these functions. Each says once more what
datamodules/preprocessing.py does, without its care for hostile files; a test compares both on odd items, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import PIL
from PIL import ExifTags, Image, ImageOps
from tokenizers import Tokenizer

from datamodules.preprocessing import ImagePreprocessing, ModulePreprocessing, Preprocessing
from datamodules.sources.image_decoding import MEMORY_BYTES

IMAGE_WORDS = """Before an image comes to the model,

- Pillow decodes it ({pillow} here; another version may round otherwise): the first picture of an animation, a large
  JPEG at the smallest fraction of its size that is no smaller than the result;
- of 16-bit greys, whose values take {grey_bits} bits in the training data, the highest 8 of those are kept;
- one whose 16-bit colours are all dark is refused, as Pillow drops their low byte;
- one whose pixels are fractions is refused, and so is one that takes more than {allowed_mb} MB to decode;
- what is transparent becomes {background}, and everything {colours};
- of an image with more than {reduced_above_pixels:,} pixels, the {crop} square is averaged over squares of pixels to
  no less than twice the result;
- it is turned upright (its EXIF orientation);
- its shorter side is resized to {resize_px} pixels ({resize_filter}), and the {crop} square is kept;
- of that, the {crop} square of {image_size_px} pixels: uint8 (B, {channels}, {image_size_px}, {image_size_px}) in
  {lowest_value}…{highest_value}. Normalisation is part of the model."""
TEXT_WORDS = """Before a text comes to the model,

- half a character, such as a lone surrogate, becomes a question mark;
- of more than {longest_text_characters:,} characters, both ends are kept; blanks alone are no text;
- `tokenizer.json` encodes it whole, special tokens included; a text without a token is the token {unknown_id};
- of more than {max_tokens} tokens, the first {head_tokens} and the last {tail_tokens} are kept;
- it is padded on the right with {pad_id} to a multiple of {width_multiple_of}, where the mask is 0."""


MODULE_WORDS = (
    """The model takes what `encode` of `{data}`, with the options in `preprocessing.json`, makes of an item."""
)


def words(preprocessing: Preprocessing) -> str:
    """List the steps from an item to the network's input."""
    settings = preprocessing.settings
    if isinstance(preprocessing, ModulePreprocessing):
        return MODULE_WORDS.format(**settings)
    if isinstance(preprocessing, ImagePreprocessing):
        colours = "RGB" if preprocessing.channels == 3 else "grey"
        return IMAGE_WORDS.format(**settings, pillow=PIL.__version__, colours=colours, allowed_mb=MEMORY_BYTES // 10**6)
    return TEXT_WORDS.format(**settings, tail_tokens=settings["max_tokens"] - settings["head_tokens"])


def preprocess_image(item: Any, settings: Mapping[str, Any]) -> np.ndarray:
    """An image, by its path or as a file object, as uint8 (1, C, H, W)."""
    mode, size, shown = "RGB" if settings["channels"] == 3 else "L", settings["resize_px"], settings["image_size_px"]
    with Image.open(item, formats=settings["formats"]) as file:
        deep = ";16" in str(file.tile)
        file.draft(mode, (size, size))
        file.load()
        deep = deep and file.mode in ("RGB", "RGBA", "LA")
        if deep and np.asarray(file.convert("RGB")).max() < settings["dark_colour"]:
            raise ValueError("its 16-bit colours are too dark to see")
        image, factor, orientation = file.copy(), 1, file.getexif().get(ExifTags.Base.Orientation, 1)
    if image.width * image.height > settings["reduced_above_pixels"]:
        side = min(image.size)
        factor = max(side // (2 * size), 1)
        left, top, side = (image.width - side) // 2, (image.height - side) // 2, side // factor * factor
        image = image.crop((left, top, left + side, top + side))
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray((np.asarray(image) >> settings["grey_bits"] - 8).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("its pixels are fractions")
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, settings["background"])
        image = Image.alpha_composite(background, image.convert("RGBA"))
    image = image.convert(mode).reduce(factor)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    ImageOps.exif_transpose(image, in_place=True)
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling[settings["resize_filter"].upper()])
    start = (size - shown) // 2
    pixels = np.asarray(image).reshape(size, size, -1)[start : start + shown, start : start + shown]
    return pixels.transpose(2, 0, 1)[None]


def preprocess_text(text: str, tokenizer: Tokenizer, settings: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The ids of a text's tokens and their mask, both int64 (1, T)."""
    half = settings["longest_text_characters"] // 2
    text = text.encode(errors="replace").decode()  # half a character becomes a question mark
    text = text if len(text) <= 2 * half else text[:half] + text[-half:]
    if not text.strip():
        raise ValueError("no text")
    ids = tokenizer.encode(text).ids or [settings["unknown_id"]]
    if len(ids) > settings["max_tokens"]:
        ids = ids[: settings["head_tokens"]] + ids[settings["head_tokens"] - settings["max_tokens"] :]
    padding = -len(ids) % settings["width_multiple_of"]
    mask = np.array([[1] * len(ids) + [0] * padding])
    return np.array([ids + [settings["pad_id"]] * padding]), mask
