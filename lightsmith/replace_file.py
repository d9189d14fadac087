"""Replace files so that neither a kill nor a loss of power leaves half of one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

DRAFT = ".draft"  # one name per folder, so that the next write takes away what a killed one left


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Give a file new content, all of it or none, that survives a loss of power.

    Raises:
        OSError: the disk cannot be written.
    """
    with replacing(path) as file:
        file.write(content)


def replace_json(path: Path, content: Any) -> None:
    """Write a record as JSON that a person can read, all of it or none.

    Raises:
        OSError: the disk cannot be written.
    """
    replace_file(path, f"{json.dumps(content, indent=1)}\n".encode())


@contextmanager
def replacing(path: Path, draft_name: str = DRAFT) -> Iterator[IO[bytes]]:
    """Open a draft beside ``path``, which takes its place once it is whole and on the disk."""
    draft = path.with_name(draft_name)
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
