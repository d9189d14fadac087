"""Find the epoch of a run's best checkpoint, and the metric that chose it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lightsmith.run_folder import BEST_CHECKPOINT
from lightsmith.runs.trainer import ExperimentTrainer, best_checkpoint


def best_epoch(trainer: ExperimentTrainer, run_folder: Path) -> dict[str, Any]:
    """The metric that chose the checkpoint, its value then, and the epoch, counted from 1.

    Where nothing chose, as without a validation, the metric is None, and the epoch the last one.
    """
    best = best_checkpoint(trainer.callbacks)
    if best is None or best.best_model_score is None:
        return {"metric": None, "value": None, "epoch": trainer.current_epoch}
    saved = torch.load(run_folder / BEST_CHECKPOINT, map_location="cpu", mmap=True, weights_only=True)
    score = best.best_model_score.float().item()
    return {"metric": best.monitor, "value": float(f"{score:.7g}"), "epoch": saved["epoch"] + 1}
