"""Recognising the encoding of a text file by its bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

UTF8, WESTERN = "utf-8-sig", "cp1252"  # the latter contains all letters of Latin-1
TITLES = {WESTERN: "Windows-1252 (Latin-1)", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins like that of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
BLOCK_BYTES = 1_000_000
START_BYTES = 1000
UTF8_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Of these shares a text is more likely in another alphabet, or partly in UTF-8, than in Windows-1252.
MOST_ACCENTS, MOST_UTF8, MOST_ODD = 0.25, 0.05, 0.1
WITHIN_WORDS = re.compile(r"(?<=[a-z])[^\x00-\x7f](?=[a-z])")
PUNCTUATION_WITHIN_WORDS = "’\u2018–—\xad·"


def recognise_encoding(path: Path) -> str:
    """The name of a Python codec: UTF-8, what a byte order mark says, UTF-16 without one, or Windows-1252.

    Raises:
        ValueError: the bytes are none of these, or may as well be something else.
    """
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)
    encoding = marked or _unmarked_utf16(start)
    if encoding:
        return encoding
    line = _line_without_utf8(path)
    if line is None:
        return UTF8
    _check_western(path, line)
    return WESTERN


def _unmarked_utf16(start: bytes) -> str | None:
    """UTF-16 of mostly Latin letters: every other byte is zero."""
    low, high = (start[place::2].count(0) / max(len(start) // 2, 1) for place in (0, 1))
    if high > 0.4 and low < 0.05:
        return "utf-16-le"
    return "utf-16-be" if low > 0.4 and high < 0.05 else None


def _line_without_utf8(path: Path) -> int | None:
    """The number of the first line that is not UTF-8, from 1 on."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    for block in _blocks(path):
        try:
            line += decoder.decode(block).count("\n")
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return line
    return None


def _check_western(path: Path, line: int) -> None:
    letters = accents = in_utf8 = within_words = odd = 0
    for block in _blocks(path):
        text = block.decode(WESTERN, "replace")
        if "�" in text:
            raise ValueError(_question(line))
        letters += sum(map(str.isalpha, text))
        accents += sum(byte >= 0x80 for byte in block)
        in_utf8 += sum(map(len, UTF8_CHARACTER.findall(block)))
        inner = WITHIN_WORDS.findall(text)
        within_words += len(inner)
        odd += sum(not (character.islower() or character in PUNCTUATION_WITHIN_WORDS) for character in inner)
    if accents > MOST_ACCENTS * letters or in_utf8 > MOST_UTF8 * accents or odd > MOST_ODD * within_words:
        raise ValueError(_question(line))


def _question(line: int) -> str:
    return (
        f"line {line} is not UTF-8, and what else it may be is not clear: save it as UTF-8, or name its encoding with "
        "--data.encoding, such as cp1252, cp1251, gb18030 or shift_jis"
    )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
