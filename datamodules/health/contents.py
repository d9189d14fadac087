"""Digests of what items contain, for the cache and for finding copies, and the fingerprint of all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import numpy as np
from tqdm.auto import tqdm

from datamodules.sources.folders.file_paths import EMPTY_DIGEST, FilePaths, file_digest
from datamodules.sources.source import Source, check_regular

READ_WHOLE_BYTES = 1_000_000
ID_BYTES = 16


class Contents(NamedTuple):
    """Digests of a split's items: ``key`` differs if any item does; ``copies`` tells which items are equal.

    ``copies`` are the first 64 bits of a digest, uint64 (n,), and 0 where there is no content. Those of texts are equal
    whatever the blanks, line ends and Unicode form of their letters; those of files are equal byte by byte.
    """

    key: str
    copies: np.ndarray


def read_contents(items: Sequence[object] | np.ndarray, title: str) -> Contents:
    """Read every item once; ``title`` names them in the progress bar.

    Args:
        items: texts, encoded bytes, paths of files, or the rows of an array; None where there is nothing.
    """
    if isinstance(items, FilePaths):
        return _of_files(items)
    key = hashlib.sha256()

    def number(item: object) -> int:
        digest, of_copies = _digests(item)
        key.update(digest)
        return int.from_bytes(of_copies[:8], "little")

    bar = tqdm(items, f"Reading {title}", unit=" items", leave=False, delay=1, disable=None)
    copies = np.fromiter(map(number, bar), np.uint64, len(items))
    return Contents(key.hexdigest(), copies)


def content_ids(items: Sequence[object] | np.ndarray) -> list[str]:
    """Name each item by its content: half of its sha256 in hexadecimal, the same wherever the data lies.

    Args:
        items: as for ``read_contents``.
    """
    if isinstance(items, FilePaths):
        digests = [digest.tobytes() for digest in items.digests()]
    else:
        digests = [_digests(item)[0] for item in items]
    return [digest[:ID_BYTES].hex() for digest in digests]


def _of_files(paths: FilePaths) -> Contents:
    digests = paths.digests()
    copies = np.ascontiguousarray(digests[:, :8]).view(np.uint64)[:, 0]
    empty = (digests == np.frombuffer(EMPTY_DIGEST, np.uint8)).all(axis=1)
    return Contents(hashlib.sha256(digests.tobytes()).hexdigest(), np.where(empty, np.uint64(0), copies))


def _digests(item: object) -> tuple[bytes, bytes]:
    """The digest of an item, and one that its copies have as well; that is empty if the item is."""
    if isinstance(item, Path):
        digest = file_digest(item)
        return digest, b"" if digest == EMPTY_DIGEST else digest
    content = _bytes_of(item)
    digest = hashlib.sha256(content).digest()
    if isinstance(item, str) and (plain := _bytes_of(" ".join(normalize("NFC", item).split()))) != content:
        return digest, plain and hashlib.sha256(plain).digest()
    return digest, content and digest


def _bytes_of(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode(errors="surrogatepass")
    if isinstance(item, np.ndarray | np.generic):
        return np.ascontiguousarray(item).tobytes()
    return item or b""


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
    """Add the content of encoded bytes and texts to a hashlib digest, and of files their digests.

    A missing item counts as empty.
    """
    if isinstance(items, FilePaths):
        digest.update(items.digests().tobytes())
        return
    for item in items:
        if isinstance(item, Path):
            _digest_file(digest, item)
        else:
            content = _bytes_of(item)
            digest.update(len(content).to_bytes(8, "little") + content)


def _digest_file(digest: Any, path: Path) -> None:
    """Add a file's bytes without holding all of them in memory; a file that cannot be read counts as empty."""
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
