"""Finding the checkpoint that a run goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightsmith.checkpoints.rebuild import read_checkpoint
from lightsmith.run_folder import LAST_CHECKPOINT
from lightsmith.terminal import one_line, print_once


def newest_checkpoint(run: Path) -> Path:
    """The checkpoint with the most steps behind it that a run can go on from; damaged ones are named and passed over.

    Raises:
        ValueError: there is none.
    """
    progress: dict[Path, tuple[int, ...]] = {}
    damaged = []
    for path in sorted((run / LAST_CHECKPOINT).parent.glob("*.ckpt"), reverse=True):  # of equals, last before best
        try:
            checkpoint = read_checkpoint(path)
        except (OSError, ValueError) as error:
            damaged.append(one_line(error))
            continue
        if checkpoint["optimizer_states"]:  # lacking where only weights were saved
            progress[path] = _progress(checkpoint)
    if not progress:
        raise ValueError(f"--resume={run}: nothing to go on from ({'; '.join(damaged)}); start it anew")
    newest = max(progress, key=progress.__getitem__)
    if damaged:
        print_once([f"{'; '.join(damaged)}; continuing from {newest.name}, step {progress[newest][0]}"])
    return newest


def _progress(checkpoint: dict[str, Any]) -> tuple[int, ...]:
    """Optimizer steps, batches and epochs: checkpoints of one step differ while gradients accumulate."""
    loop = checkpoint["loops"]["fit_loop"]
    batches, epochs = loop["epoch_loop.batch_progress"]["total"], loop["epoch_progress"]["total"]
    return checkpoint["global_step"], batches["processed"], epochs["processed"]
