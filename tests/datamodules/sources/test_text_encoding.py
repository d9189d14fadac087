"""Encodings are told by the bytes, and what may be another is a question."""

from pathlib import Path

import pytest

from datamodules.sources.text_encoding import recognise_encoding

WESTERN = "Das Café für naïve Señores, naturally – it’s “fine”. " * 3
CYRILLIC = "".join(map(chr, range(0x430, 0x450))) * 3
POLISH = "zażółć gęślą jaźń, pięć łódek i ćma " * 3


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("plain", "ascii", "utf-8-sig"),
        (CYRILLIC, "utf-8", "utf-8-sig"),
        (CYRILLIC, "utf-8-sig", "utf-8-sig"),
        (CYRILLIC, "utf-16", "utf-16"),
        (WESTERN, "utf-16-le", "utf-16-le"),
        (WESTERN, "utf-16-be", "utf-16-be"),
        (WESTERN, "utf-32", "utf-32"),
        (WESTERN, "cp1252", "cp1252"),
        (WESTERN.encode("latin-1", "ignore").decode("latin-1"), "latin-1", "cp1252"),
    ],
)
def test_usual_encodings_are_recognised(tmp_path: Path, text: str, encoding: str, found: str) -> None:
    (tmp_path / "t").write_bytes(text.encode(encoding))
    assert recognise_encoding(tmp_path / "t") == found


@pytest.mark.parametrize(
    "content",
    [
        CYRILLIC.encode("cp1251"),
        "\u7cbe\u5f69\u7edd\u4f26".encode("gb18030") * 5,
        ("a\n" + POLISH).encode("cp1250"),
        WESTERN.encode("mac-roman"),
        ("café\n" * 5).encode() + "café\n".encode("cp1252"),  # most lines are UTF-8
        bytes(range(256)),
    ],
)
def test_what_may_be_another_encoding_is_a_question(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(ValueError, match=r"line \d is not UTF-8, .*--data.encoding, such as cp1252"):
        recognise_encoding(tmp_path / "t")


def test_a_character_that_the_end_cuts_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes("caf\xe9".encode()[:-1])
    assert recognise_encoding(tmp_path / "t") == "cp1252"
