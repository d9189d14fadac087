"""Replace files so that neither a kill nor a loss of power leaves half of one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

DRAFT = ".draft"  # one name per folder, so that the next write takes away what a killed one left


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Give a file new content, all of it or none, that survives a loss of power.

    Raises:
        OSError: the disk cannot be written.
    """
    with replacing(path) as file:
        file.write(content)


def replace_json(path: Path, content: object) -> None:
    """Write a record as JSON that a person can read, all of it or none.

    Raises:
        OSError: the disk cannot be written.
    """
    replace_file(path, f"{json.dumps(content, indent=1)}\n".encode())


@contextmanager
def replacing(path: Path, draft_name: str = DRAFT, meanwhile: Callable[[], None] | None = None) -> Iterator[IO[bytes]]:
    """Open a draft beside ``path``, which takes its place once it is whole and on the disk.

    Args:
        draft_name: not that of a draft that is written meanwhile.
        meanwhile: what is to be done before, and can be done while the disk takes the draft.
    """
    draft = path.with_name(draft_name)
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            if meanwhile is None:
                os.fsync(file.fileno())
            else:
                _sync_beside(file.fileno(), meanwhile)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sync_beside(descriptor: int, act: Callable[[], None]) -> None:
    """Wait for the disk in a thread while ``act`` is done, and for both."""
    with ThreadPoolExecutor(1) as beside:
        on_disk = beside.submit(os.fsync, descriptor)
        act()
        on_disk.result()
