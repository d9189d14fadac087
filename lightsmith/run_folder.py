"""The folder that a run writes into: runs/<experiment>/<time>/, a new one each time."""

from __future__ import annotations

import fcntl
import os
from datetime import datetime
from itertools import count
from pathlib import Path

from lightsmith.terminal import shown

LAST_CHECKPOINT = Path("checkpoints/last.ckpt")
LEDGER = "ledger.json"  # of a folder that compress wrote
COMPRESSED, TRAINING = "-compressed", "training"  # the end of that folder's parent's name, and where its runs lie
BEST_CHECKPOINT = Path("checkpoints/best.ckpt")
METRICS = "metrics.csv"
CONFUSION_MATRIX, WORST_PREDICTIONS = "confusion_matrix.csv", "worst_predictions.csv"
RECONSTRUCTIONS = "reconstructions.png"
PREDICTIONS = Path("predictions/test.parquet")  # what the model says of every test item


def check_writable(root: Path, option: str = "runs") -> None:
    """Refuse a folder that cannot be made or written, before a long download rather than after.

    Args:
        option: the one that names it.

    Raises:
        ValueError: naming what is in the way.
    """
    existing = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise ValueError(f"--{option}={root}: {existing} cannot be written; name a folder that can")


def check_free(folder: Path) -> None:
    """Refuse a folder for a new run that cannot be written, or that is there already.

    Raises:
        ValueError: naming it.
    """
    check_writable(folder, "folder")
    if folder.exists():
        raise ValueError(
            f"--folder={folder} is there already: name a new one; a run that was interrupted there goes on with "
            f"--resume={folder}"
        )


def hold(folder: Path) -> int:
    """Keep other processes of this machine from working in a folder.

    Returns:
        A file descriptor: once it is closed, or this process has ended, others may.

    Raises:
        ValueError: another one works in it.
    """
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise ValueError(f"{shown(folder)}: another process is working in it; wait for its end") from error
    except OSError:  # a file system without locks
        pass
    return held


def create_run_folder(root: Path, experiment: str, kind: str = "") -> Path:
    """A new, empty folder, named by the time.

    Args:
        kind: of a study, which the name ends with, such as seeds.

    Raises:
        ValueError: the disk cannot be written.
    """
    started = datetime.now().strftime("%Y%m%d-%H%M%S")
    try:
        parent = root / experiment
        parent.mkdir(parents=True, exist_ok=True)
        return _first_free(parent, f"{started}-{kind}" if kind else started)
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


def is_held(folder: Path) -> bool:
    """Return whether another process of this machine works in a folder."""
    try:
        os.close(hold(folder))
    except ValueError:
        return True
    return False


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


def checkpoint_of(path: Path) -> Path:
    """The best checkpoint of a run's folder; of a path that is no folder, the path itself."""
    return path / BEST_CHECKPOINT if path.is_dir() else path


def newest_run(folder: Path) -> str:
    """A question that offers an experiment's newest run in place of its folder, or name; empty for any other folder."""
    for experiment in (folder, Path("runs") / folder):
        if (experiment / "latest").is_dir():
            return f"; did you mean {experiment / 'latest'}?"
    return ""
