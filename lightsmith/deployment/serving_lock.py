"""The part of requirements.lock that serving needs."""

from __future__ import annotations

import re

PACKAGES = ("aiohttp", "jsonargparse", "numpy", "onnx", "onnxruntime", "pillow", "tokenizers", "tqdm")
LEFT_OUT = ("huggingface-hub",)  # tokenizers downloads with it, which a service does not


def serving_lock(lock: str) -> str:
    """Cut a lock down to the packages that serving imports and those that these need, with their hashes.

    Args:
        lock: as uv writes it: below each package a comment says what it is there for.

    Raises:
        ValueError: a package that serving needs is missing.
    """
    starts = [found.start() for found in re.finditer(r"^[\w.-]+(?:\[[\w,]+\])?==", lock, re.MULTILINE)]
    entries = [lock[start:end] for start, end in zip(starts, [*starts[1:], len(lock)], strict=True)]
    named = {name_of(entry): entry for entry in entries}
    missing = [name for name in PACKAGES if name not in named]
    if missing:
        raise ValueError(f"requirements.lock has no {', '.join(missing)}: run `make lock`")
    kept, count = set(PACKAGES), 0
    while count < len(kept):
        count = len(kept)
        kept |= {name for name, entry in named.items() if name not in LEFT_OUT and kept & set(wanted_by(entry))}
    return "".join(entry for name, entry in named.items() if name in kept)


def name_of(entry: str) -> str:
    """The package's name."""
    return re.split(r"[=\[]", entry, maxsplit=1)[0]


def wanted_by(entry: str) -> list[str]:
    """The packages that an entry's comment names."""
    comment = entry.partition("# via")[2]
    return re.findall(r"^[#\s]*([\w.-]+)", comment, re.MULTILINE)
