"""Checkpoints that neither a kill, nor a full disk, nor a damaged file can turn into wrong ones.

A checkpoint is whole if its sha256 is listed in the manifest beside it. A digest is listed before its file appears, and
whatever the file is called later: at no instant is a whole file unlisted or a half one listed, and renaming is free.

A training does not wait for the disk: a copy of a small checkpoint is written beside it, and until then the earlier
file is there.
"""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from tqdm.auto import tqdm

from callbacks.save_last import FRESH
from datamodules.batches.encoded_cache import sha256
from lightsmith.checkpoints.write_in_order import WriteInOrder
from lightsmith.replace_file import replace_file, replacing
from lightsmith.terminal import shown

MANIFEST = "manifest.json"
CHECKPOINT_DRAFT = ".checkpoint-draft"  # not that of other files: the manifest is written within it
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
MOST_DIGESTS = 100
MOST_COPIED_BYTES = 64 * 2**20  # a larger checkpoint is written from where it is, while training waits
MOST_WAITING = 4  # saves and renamings: best.ckpt and last.ckpt of one epoch


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, waits for the disk, renames; reads whole files only, and runs nothing in them.

    Args:
        beside: whether to write small checkpoints in a thread, asked at each: while one process trains, as others
            could read too early. Only where a file of that name is there already, which is a whole one until the new
            one takes its place. What reads or removes a checkpoint waits, and so does the end of a training.
    """

    def __init__(self, beside: Callable[[], bool] = lambda: False) -> None:
        self.beside = beside
        self._writes = WriteInOrder(MOST_WAITING)

    def save_checkpoint(
        self, checkpoint: Mapping[str, object], path: str | Path, storage_options: object = None
    ) -> None:
        """Save, or on a full disk say so in one line and leave what was there; training goes on.

        Raises:
            TypeError: ``storage_options`` are given, of which there are none.
            OSError: the disk cannot be written for another reason, or could not for an earlier checkpoint.
        """
        if storage_options is not None:
            raise TypeError(f"storage_options={storage_options!r} mean nothing to {type(self).__name__}")
        path = Path(path).absolute()  # whatever the current folder is when it is written
        known = path.exists() or path.name == FRESH
        if self.beside() and known and sum(_bytes(checkpoint)) <= MOST_COPIED_BYTES:
            self._writes.begin(partial(_save_or_say, path, copy.deepcopy(checkpoint)))
        else:
            self._writes.finish()
            _save_or_say(path, checkpoint)

    def when_saved(self, act: Callable[[], None]) -> None:
        """Do something to files as soon as all that was saved so far is written.

        Raises:
            OSError: an earlier checkpoint could not be written.
        """
        if self.beside():
            self._writes.begin(act)
        else:
            self._writes.finish()
            act()

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load tensors and plain values, whatever ``weights_only`` says.

        Raises:
            ValueError: it is not whole.
        """
        self._writes.finish()
        check_whole(Path(path))
        return super().load_checkpoint(path, map_location, weights_only=True)

    def remove_checkpoint(self, path: str | Path) -> None:
        self._writes.finish()  # what takes its place is there
        super().remove_checkpoint(path)

    def teardown(self) -> None:
        """Called by Lightning when a training has ended, however it did."""
        self._writes.finish()


def _bytes(value: Any) -> Iterator[int]:
    """The sizes of the tensors in nested dicts, lists and tuples."""
    if isinstance(value, torch.Tensor):
        yield value.nbytes
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _bytes(inner)


def check_whole(path: Path) -> None:
    """Compare a checkpoint with the manifest beside it; where there is none, nothing is known of it.

    Raises:
        ValueError: it is not what was saved.
    """
    listed = _listed(path.parent)
    if listed is not None and sha256(path) not in listed:
        raise ValueError(f"{path} is damaged: its sha256 is not in {MANIFEST}")


def _save_or_say(path: Path, checkpoint: Mapping[str, object]) -> None:
    try:
        _save(path, checkpoint)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        tqdm.write(f"{shown(path)} was not saved: {error.strerror}; earlier checkpoints are intact", file=sys.stderr)


def _save(path: Path, checkpoint: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The disk takes checkpoint and manifest together in less time than one after the other.
    with replacing(path, CHECKPOINT_DRAFT, meanwhile=lambda: _list(path, digest)) as file:
        hashed: Any = _HashedFile(file)
        torch.save(checkpoint, hashed)
        digest = hashed.finish()


def _list(path: Path, digest: str) -> None:
    """Write down the digest of a file that is about to appear."""
    listed = _listed(path.parent)
    if listed is None or len(listed) >= MOST_DIGESTS:
        present = [sha256(other) for other in path.parent.glob("*.ckpt")]
        listed = present if listed is None else [known for known in listed if known in present]
    manifest = {"schema": 1, "sha256": [*listed, digest]}
    replace_file(path.with_name(MANIFEST), json.dumps(manifest, indent=1).encode())


class _HashedFile:
    """A file that is written from its beginning to its end, with the sha256 of what was: no copy of it in memory.

    ``torch.save`` would end with another error than that of the disk, which is therefore kept for ``finish``.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.sha256 = hashlib.sha256()
        self._file = file
        self._error: OSError | None = None

    def write(self, content: bytes | memoryview) -> int:
        self.sha256.update(content)
        try:
            self._file.write(content)
        except OSError as error:
            self._error = self._error or error
        return len(content)

    def flush(self) -> None:
        """Called by ``torch.save``; the whole file is flushed in the end."""

    def finish(self) -> str:
        """The digest, in hexadecimal.

        Raises:
            OSError: the first that writing ended with.
        """
        if self._error is not None:
            raise self._error
        return self.sha256.hexdigest()


def _listed(folder: Path) -> list[str] | None:
    """The digests of whole checkpoints; None without a manifest, or with one that cannot be read."""
    try:
        digests: list[str] = json.loads((folder / MANIFEST).read_bytes())["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return digests
