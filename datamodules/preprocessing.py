"""From a raw item to what a network takes: one frozen object for training, prediction, export and whatever serves it.

It travels in checkpoints and exported folders as JSON. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from tokenizers import Tokenizer

from datamodules.sources.image_decoding import (
    BACKGROUND,
    DARK_COLOUR,
    FORMATS,
    GREY_BITS,
    LARGE_PIXELS,
    RESIZE_FILTER,
    decode_image,
)
from datamodules.sources.source import first_line

WIDTH_STEP = 16  # tokens
PADDING_TOKENS = ("[PAD]", "<pad>")
# What is cut from the middle of a longer text is never among the tokens kept, unless most of it is blanks.
LONGEST_TEXT = 100_000  # characters
LARGEST_SIDE, MOST_TOKENS = 10_000, 100_000


@dataclass(frozen=True)
class Preprocessing:
    """The base of preprocessing: settings as plain values.

    Those with a default have no other value today. They are written down so that a model can be used without
    Lightsmith, and so that a later version knows what this one did.
    """

    kind: ClassVar[str]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as plain values, without a tokenizer, which is JSON of its own."""
        return {"kind": self.kind, **{f.name: getattr(self, f.name) for f in fields(self) if f.repr}}

    @classmethod
    def restored(cls, settings: Mapping[str, object], **others: object) -> Self:
        """Restore from ``settings``; values that an older version did not write down get their default.

        Args:
            others: settings that take the place of those.

        Raises:
            ValueError: they are of another kind, or this version does not know what they ask for.
        """
        if settings.get("kind") != cls.kind:
            raise ValueError(f"preprocessing is for {settings.get('kind')!r}, not for {cls.kind!r}")
        derived = {"kind", *(f.name for f in fields(cls) if not f.init)}
        try:
            return cls(**{name: value for name, value in {**settings, **others}.items() if name not in derived})
        except TypeError as error:  # a setting too many or too few
            raise ValueError(f"preprocessing cannot be used: {first_line(error)}") from error

    def _check(self, **ranges: tuple[int, int]) -> None:
        """Refuse numbers out of their ranges, and all other settings with a default that differ from it."""
        for name, (least, largest) in ranges.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= largest:
                raise ValueError(f"preprocessing has {name}={value!r}, which must lie in {least}…{largest}")
        for f in (f for f in fields(self) if f.default is not MISSING and f.name not in ranges):
            value = getattr(self, f.name)
            if (type(value), value) != (type(f.default), f.default):
                raise ValueError(f"preprocessing has {f.name}={value!r}, where only {f.default!r} is known")


@dataclass(frozen=True)
class ImagePreprocessing(Preprocessing):
    """An image file or its bytes → uint8 (channels, image_size_px, image_size_px), as ``decode_image`` does it.

    Args:
        channels: 3 for RGB, 1 for grey.
        image_size_px: side of the square that the network sees.
        resize_px: of the square before the central crop; training crops it at random instead.
        grey_bits: that the values of greys with more than 8 bits take in the training data; the highest 8 are kept.

    Raises:
        ValueError: sizes out of range, or a setting that has no such value.
    """

    kind: ClassVar[str] = "image"
    channels: int
    image_size_px: int
    resize_px: int
    orientation: str = "exif"
    background: str = BACKGROUND
    resize_filter: str = RESIZE_FILTER.name.lower()
    reduced_above_pixels: int = LARGE_PIXELS
    crop: str = "centre"
    lowest_value: int = 0
    highest_value: int = 255
    formats: tuple[str, ...] = FORMATS
    grey_bits: int = GREY_BITS
    dark_colour: int = DARK_COLOUR

    def __post_init__(self) -> None:
        if isinstance(self.formats, list):  # as JSON has it
            object.__setattr__(self, "formats", tuple(self.formats))
        self._check(image_size_px=(1, LARGEST_SIDE), resize_px=(1, LARGEST_SIDE), grey_bits=(8, 32))
        if self.channels not in (1, 3) or self.resize_px < self.image_size_px:
            raise ValueError(
                f"preprocessing has channels={self.channels}, which are 1 or 3, and resize_px={self.resize_px}, "
                f"which must be at least image_size_px={self.image_size_px}"
            )

    def decode(self, item: Path | bytes) -> np.ndarray:
        """Decode to uint8 (resize_px, resize_px, channels), the image before the crop. Raises whatever Pillow does."""
        return decode_image(item, self.resize_px, self.channels, self.grey_bits)

    def __call__(self, item: Path | bytes) -> np.ndarray:
        """Make the network's input, uint8 (channels, image_size_px, image_size_px). Raises whatever Pillow does."""
        middle = central(self.resize_px, self.image_size_px)
        return self.decode(item)[middle, middle].transpose(2, 0, 1)


@dataclass(frozen=True)
class TextPreprocessing(Preprocessing):
    """A text → the ids of its tokens and their mask, both int64 (T,); a long one keeps its head and its tail.

    Args:
        tokenizer: as JSON of the library tokenizers. Its own truncation and padding are taken out of it.
        max_tokens: most tokens of a text.
        head_tokens: how many of them come from the head of a longer one.

    Attributes:
        library: the tokenizer as an object, which nothing may change.
        unknown_id: stands alone for a text without a single token, such as one of emoji: a network needs something to
            read.

    Raises:
        ValueError: no tokenizer, sizes out of range, or a setting that has no such value.
    """

    kind: ClassVar[str] = "text"
    tokenizer: str = field(repr=False)
    max_tokens: int
    head_tokens: int
    longest_text_characters: int = LONGEST_TEXT
    width_multiple_of: int = WIDTH_STEP
    pad_id: int = field(init=False)
    unknown_id: int = field(init=False)
    library: Tokenizer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check(max_tokens=(1, MOST_TOKENS), head_tokens=(1, MOST_TOKENS))
        if self.head_tokens >= self.max_tokens:
            raise ValueError(
                f"preprocessing has head_tokens={self.head_tokens}, not less than max_tokens={self.max_tokens}"
            )
        library = _read_tokenizer(self.tokenizer)
        pad_ids = (library.token_to_id(token) for token in PADDING_TOKENS)
        derived = {
            "library": library,
            "tokenizer": library.to_str(),
            "pad_id": next((pad_id for pad_id in pad_ids if pad_id is not None), 0),
            "unknown_id": library.token_to_id("[UNK]") or 0,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def readable(self, text: str | None) -> str:
        """Turn half characters (lone surrogates) into question marks, and keep only both ends of a very long text."""
        text = (text or "").encode(errors="replace").decode()
        half = self.longest_text_characters // 2
        return text if len(text) <= 2 * half else text[:half] + text[-half:]

    def token_ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of ``readable`` texts, each int32 (at most max_tokens,); none for what holds no text.

        Special tokens stand at the ends, so they survive the cut.
        """
        encodings = self.library.encode_batch_fast(list(texts))
        return [
            self._cut(encoding.ids) if text.strip() else np.empty(0, np.int32)
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def __call__(self, text: str | None) -> tuple[np.ndarray, np.ndarray]:
        """Make the network's input: ids and mask, both int64 (T,), padded to a multiple of 16.

        Raises:
            ValueError: there is no text.
        """
        (ids,) = self.token_ids([self.readable(text)])
        if not len(ids):
            raise ValueError("no text")
        padding = padded_width(len(ids)) - len(ids)
        padded = np.pad(ids.astype(np.int64), (0, padding), constant_values=self.pad_id)
        return padded, np.pad(np.ones(len(ids), np.int64), (0, padding))

    def _cut(self, ids: list[int]) -> np.ndarray:
        found = np.array(ids or [self.unknown_id], dtype=np.int32)
        if len(found) <= self.max_tokens:
            return found
        return np.concatenate([found[: self.head_tokens], found[self.head_tokens - self.max_tokens :]])


@dataclass(frozen=True)
class ModulePreprocessing(Preprocessing):
    """Preprocessing by a data module of one's own: the class and options to build that module again.

    Args:
        data: dotted name of the class.
        options: its arguments but for where its data lies; plain values.
    """

    kind: ClassVar[str] = "module"
    data: str
    options: dict[str, Any]


def central(side: int, size: int) -> slice:
    """The slice of the ``size`` middle pixels of ``side``."""
    start = (side - size) // 2
    return slice(start, start + size)


def padded_width(longest: int) -> int:
    """Round the number of tokens of a batch's longest text up to a multiple of 16, the columns of the batch.

    With few different widths, a CPU builds its kernels and lays out its memory once for each. A BERT run whose batches
    took any width came to hold twice the memory.
    """
    return -(-longest // WIDTH_STEP) * WIDTH_STEP


def _read_tokenizer(text: str) -> Tokenizer:
    """A tokenizer that encodes whole texts, whatever the checkpoint that it comes from was made for."""
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises no narrower class
        raise ValueError("preprocessing has no tokenizer that can be read") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
