"""The folder that a run writes into: runs/<experiment>/<time>/, a new one each time."""

from __future__ import annotations

import os
from datetime import datetime
from itertools import count
from pathlib import Path

LAST_CHECKPOINT = Path("checkpoints/last.ckpt")
BEST_CHECKPOINT = Path("checkpoints/best.ckpt")
PREDICTIONS = Path("predictions/test.parquet")  # what the model says of every test item


def check_writable(root: Path) -> None:
    """Refuse a folder that cannot be made or written, before a long download rather than after.

    Raises:
        ValueError: naming what is in the way.
    """
    existing = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise ValueError(f"--runs={root}: {existing} cannot be written; name a folder that can")


def create_run_folder(root: Path, experiment: str) -> Path:
    """A new, empty folder.

    Raises:
        ValueError: the disk cannot be written.
    """
    started = datetime.now().strftime("%Y%m%d-%H%M%S")
    try:
        parent = root / experiment
        parent.mkdir(parents=True, exist_ok=True)
        return _first_free(parent, started)
    except OSError as error:
        raise ValueError(
            f"--runs={root}: {error.strerror} ({error.filename}); name a folder that can be written"
        ) from error


def _first_free(parent: Path, name: str) -> Path:
    for n in count(1):
        folder = parent / (name if n == 1 else f"{name}-{n}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() does not end")


def point_latest(folder: Path) -> None:
    """Let ``latest`` beside a run folder point at it; replaced in one step, so that it always points somewhere."""
    fresh = folder.with_name(f".latest-{os.getpid()}")
    fresh.symlink_to(folder.name)
    fresh.replace(folder.with_name("latest"))


def has_checkpoint(folder: Path) -> bool:
    """Return whether a run saved anything that it could be continued from."""
    return any((folder / LAST_CHECKPOINT.parent).glob("*.ckpt"))


def interrupted_run(folder: Path) -> Path:
    """The folder of a run to continue, with any ``latest`` resolved.

    Raises:
        ValueError: not a run folder, or nothing was saved yet.
    """
    if not folder.is_dir():
        advice = newest_run(folder) or "; give one such as runs/mnist_mlp/latest"
        raise ValueError(f"--resume={folder} is not a folder{advice}")
    if not has_checkpoint(folder):
        reason = newest_run(folder) or ": nothing was saved yet, start it anew"
        raise ValueError(f"--resume={folder} holds no {LAST_CHECKPOINT}{reason}")
    return folder.resolve()


def home_of(run: Path) -> Path:
    """The folder that a trained model belongs to, with any ``latest`` resolved; of a checkpoint that of its run.

    Args:
        run: a run folder, an exported folder, or a .ckpt file.
    """
    if run.is_dir():
        return run.resolve()
    folder = run.resolve().parent
    return folder.parent if folder.name == BEST_CHECKPOINT.parent.name else folder


def newest_run(folder: Path) -> str:
    """A question that offers an experiment's newest run in place of its folder, or name; empty for any other folder."""
    for experiment in (folder, Path("runs") / folder):
        if (experiment / "latest").is_dir():
            return f"; did you mean {experiment / 'latest'}?"
    return ""
