"""Decoded images and encoded texts on disk, found again by the content that they were made from."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from datamodules.batches.eviction import DRAFT, MANIFEST, evict, hold

CACHE = Path("data/encoded")
_within: ContextVar[str | None] = ContextVar("within", default=None)  # where ``uncached`` writes


def cached(key: str, build: Callable[[Path], None]) -> Path:
    """Build a folder of files once for a key; ``build`` writes them into the folder that it is given.

    Files are checked against the sha256 of the day they were written, so a truncated entry is built again. Of several
    processes one builds while the others wait. Entries appear by renaming: an interrupted build leaves nothing that is
    trusted. While this process lives, the entry is not evicted.

    Args:
        key: hexadecimal digest of everything that the files depend on.

    Raises:
        ValueError: data/ cannot be written.
    """
    folder = CACHE / key
    if _in_use(folder):
        return folder
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(CACHE / f"{key}.lock"):
            if not _in_use(folder):  # unless the process that was waited for has built it
                _build(folder, build)
                hold(folder)
    except OSError as error:
        raise ValueError(f"{CACHE} cannot be written ({error.strerror}): --data.cache=false does without") from error
    return folder


def keep_within(limit_gb: float) -> None:
    """Remove entries that no process uses, those that were not used for longest first, until the others fit."""
    evict(CACHE, limit_gb)


def _in_use(folder: Path) -> bool:
    """Return whether an entry is whole; then it is marked as used now, and kept until this process ends."""
    return hold(folder) and _intact(folder)


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=CACHE))
    try:
        build(draft)
        manifest = {path.name: sha256(path) for path in draft.iterdir()}
        (draft / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        hold(draft)  # by its manifest, which the entry will have: no other process evicts it before it is used
        try:
            draft.rename(folder)
        except OSError:  # a damaged entry is in the way, or a whole one of a process that no lock could hold back
            if not _intact(folder):
                shutil.rmtree(folder, ignore_errors=True)
                draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Wait until no other process is within. The lock of a process that was killed is void.

    On a file system without locks nobody waits.
    """
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if os.environ.get("LOCAL_RANK", "0") == "0":
                print("waiting for another process that decodes the same data", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def uncached(build: Callable[[Path], None]) -> Path:
    """Build a folder of files for this process only, in the system's temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="lightsmith-", dir=_within.get()))
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    build(folder)
    return folder


@contextmanager
def short_lived() -> Iterator[None]:
    """Remove at the end, rather than with the process, what ``uncached`` writes: for data that passes in parts."""
    with tempfile.TemporaryDirectory(prefix="lightsmith-") as folder:
        token = _within.set(folder)
        try:
            yield
        finally:
            _within.reset(token)


def _intact(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all(sha256(folder / name) == digest for name, digest in manifest.items())
    except (OSError, ValueError):
        return False


def sha256(path: Path) -> str:
    """The file's digest, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
