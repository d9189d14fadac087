"""Checkpoints that neither a kill, nor a full disk, nor a damaged file can turn into wrong ones.

A checkpoint is whole if its sha256 is listed in the manifest beside it. A digest is listed before its file appears, and
whatever the file is called later: at no instant is a whole file unlisted or a half one listed, and renaming is free.
"""

from __future__ import annotations

import errno
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from tqdm.auto import tqdm

from datamodules.batches.encoded_cache import sha256
from lightsmith.replace_file import replace_file, replacing

MANIFEST = "manifest.json"
CHECKPOINT_DRAFT = ".checkpoint-draft"  # not that of other files: the manifest is written within it
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
MOST_DIGESTS = 100


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, waits for the disk, renames; reads whole files only, and runs nothing in them."""

    def save_checkpoint(
        self, checkpoint: Mapping[str, object], path: str | Path, storage_options: object = None
    ) -> None:
        """Save, or on a full disk say so in one line and leave what was there; training goes on.

        Raises:
            TypeError: ``storage_options`` are given, of which there are none.
            OSError: the disk cannot be written for another reason.
        """
        if storage_options is not None:
            raise TypeError(f"storage_options={storage_options!r} mean nothing to {type(self).__name__}")
        try:
            _save(Path(path), checkpoint)
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            tqdm.write(f"{path} was not saved: {error.strerror}; earlier checkpoints are intact", file=sys.stderr)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load tensors and plain values, whatever ``weights_only`` says.

        Raises:
            ValueError: it is not whole.
        """
        check_whole(Path(path))
        return super().load_checkpoint(path, map_location, weights_only=True)


def check_whole(path: Path) -> None:
    """Compare a checkpoint with the manifest beside it; where there is none, nothing is known of it.

    Raises:
        ValueError: it is not what was saved.
    """
    listed = _listed(path.parent)
    if listed is not None and sha256(path) not in listed:
        raise ValueError(f"{path} is damaged: its sha256 is not in {MANIFEST}")


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
