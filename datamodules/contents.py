"""What items contain: a digest of each, for the cache and for finding copies, and the fingerprint of all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import numpy as np
from tqdm.auto import tqdm

from datamodules.sources import Source, check_regular

DIGEST_BYTES = 16
NOTHING = bytes(DIGEST_BYTES)
READ_WHOLE_BYTES = 1_000_000


class Contents(NamedTuple):
    """Digests of items, S16 (n,): ``exact`` of what they contain, ``folded`` equal for copies, zero for no content.

    A text's copies may differ in blanks, line ends and the Unicode form of its letters. A file's are equal byte by
    byte.
    """

    exact: np.ndarray
    folded: np.ndarray


def read_contents(items: Sequence[Any] | np.ndarray, title: str) -> Contents:
    """Read every item once; ``title`` names them in the progress bar.

    Args:
        items: texts, encoded bytes, paths of files, or the rows of an array; None where there is nothing.
    """
    bar = tqdm(items, f"Reading {title}", unit=" items", leave=False, delay=1, disable=None)
    exact, folded = bytearray(), bytearray()
    for item in bar:
        digest, of_copies = _digests(item)
        exact += digest
        folded += of_copies
    return Contents(*(np.frombuffer(bytes(digests), f"S{DIGEST_BYTES}") for digests in (exact, folded)))


def _digests(item: Any) -> tuple[bytes, bytes]:
    if isinstance(item, str):
        digest, plain = _digest(_encoded(item)), " ".join(normalize("NFC", item).split())
        if plain == item != "":
            return digest, digest
        return digest, _digest(_encoded(plain)) if plain else NOTHING
    if isinstance(item, Path):
        whole = hashlib.sha256()
        size = _digest_file(whole, item)
        digest = whole.digest()[:DIGEST_BYTES]
        return digest, digest if size else NOTHING
    content = np.ascontiguousarray(item).tobytes() if isinstance(item, np.ndarray | np.generic) else item or b""
    return _digest(content), _digest(content) if content else NOTHING


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:DIGEST_BYTES]


def fingerprint(source: Source) -> str:
    """``sha256:…`` over every split's items and labels, and the class names, wherever they are stored."""
    digest = hashlib.sha256("\0".join(source.class_names).encode(errors="surrogatepass"))
    for split in sorted(source.splits):
        examples = source.splits[split]
        digest.update(f"\0{split}\0".encode() + examples.labels.tobytes())
        if isinstance(examples.items, np.ndarray):
            digest.update(str(examples.items.shape).encode() + b"\0")
            digest.update(np.ascontiguousarray(examples.items).data)
        else:
            _digest_items(digest, examples.items)
    return f"sha256:{digest.hexdigest()}"


def _digest_items(digest: Any, items: Iterable[Any]) -> None:
    """Add the content of files, encoded bytes and texts to a hashlib digest; a missing item counts as empty."""
    for item in items:
        if isinstance(item, Path):
            _digest_file(digest, item)
        else:
            content = _encoded(item) if isinstance(item, str) else item or b""
            digest.update(len(content).to_bytes(8, "little") + content)


def _digest_file(digest: Any, path: Path) -> int:
    """As any bytes, but never all in memory; returns how many.

    What cannot be read, which its decoder will say, counts as empty.
    """
    try:
        check_regular(path)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest.update(size.to_bytes(8, "little"))
            if size < READ_WHOLE_BYTES:  # file_digest makes a buffer of a quarter of a megabyte for each
                digest.update(file.read())
            else:
                hashlib.file_digest(file, lambda: digest)
    except (OSError, ValueError):
        digest.update(bytes(8))
        return 0
    return size
