"""A limit on the cache: entries that no process uses are removed, the least recently used first."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

MANIFEST = "manifest.json"  # in every entry; whoever uses one has a lock on it
DRAFT, EVICTED = "draft-", "evicted-"  # beginnings of the names of folders that are no entries
LEFT_OVER_SECONDS = 24 * 3600  # since a draft was written to that nobody will finish
_held: dict[Path, int] = {}  # open files by entry, until the process ends


def hold(folder: Path) -> bool:
    """Mark an entry as used now, and keep it from eviction while this process lives; False if it is not there.

    On a file system without locks nothing is evicted.
    """
    path = folder / MANIFEST
    try:
        lock = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    with suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_SH)
    if not _is_still(path, lock):  # evicted while the lock was waited for
        os.close(lock)
        return False
    with suppress(OSError):  # the cache of somebody else
        os.utime(folder)
    if (before := _held.pop(folder.absolute(), None)) is not None:
        os.close(before)
    _held[folder.absolute()] = lock
    return True


def _is_still(path: Path, lock: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except OSError:
        return False


def evict(cache: Path, limit_gb: float) -> None:
    """Remove entries until the others take no more than ``limit_gb``, or all are in use; say so on stderr."""
    for folder in [*cache.glob(f"{DRAFT}*"), *cache.glob(f"{EVICTED}*")]:
        if time.time() - _newest(folder) > LEFT_OVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
    entries = [path.parent for path in cache.glob(f"*/{MANIFEST}") if not path.parent.name.startswith((DRAFT, EVICTED))]
    sizes = {entry: sum(map(_size, entry.glob("*"))) for entry in sorted(entries, key=_used)}
    held = total = sum(sizes.values())
    removed: list[float] = []
    for entry, size in sizes.items():
        if total <= limit_gb * 1e9:
            break
        used = _used(entry)
        if _remove(entry):
            removed.append(used)
            total -= size
    if removed:
        print(
            f"{cache} held {held / 1e9:.3g} GB, more than data.cache_gb={limit_gb:g}: removed {len(removed)} of its "
            f"entries, last used on {date.fromtimestamp(removed[-1])} or before",
            file=sys.stderr,
        )


def _remove(entry: Path) -> bool:
    """Return whether an entry could be removed: nobody uses it."""
    try:
        with (entry / MANIFEST).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Gone in one step for whoever looks, whatever time the files take.
            gone = entry.rename(entry.with_name(EVICTED + entry.name))
            shutil.rmtree(gone, ignore_errors=True)
    except OSError:
        return False
    return True


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed by another process
        return 0.0


def _newest(folder: Path) -> float:
    return max(map(_used, [folder, *folder.glob("*")]))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
