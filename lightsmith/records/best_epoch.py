"""Find the epoch of a run's best checkpoint, the metric that chose it, and its validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lightsmith.records.parts import Best, Figures
from lightsmith.run_folder import BEST_CHECKPOINT
from lightsmith.runs.exact_resume import KEY
from lightsmith.runs.trainer import ExperimentTrainer, best_checkpoint

VALIDATION = "val/"  # what the names of its metrics begin with


def best_epoch(trainer: ExperimentTrainer, run_folder: Path) -> Best:
    """The epoch, counted from 1, that the checkpoint named best is of, and its validation.

    Where nothing chose, as without a validation, it is the last epoch, and no metric is known.
    """
    best = best_checkpoint(trainer.callbacks)
    if best is None or best.best_model_score is None:
        return Best(trainer.current_epoch, None, None)
    saved = torch.load(run_folder / BEST_CHECKPOINT, map_location="cpu", mmap=True, weights_only=True)
    score = best.best_model_score.float().item()
    task: Any = trainer.lightning_module
    names = ["loss", *task.metric_names]
    return Best(saved["epoch"] + 1, best.monitor, _shortened(score), _validation(saved, names))


def _validation(saved: dict[str, Any], names: list[str]) -> Figures | None:
    """The metrics measured before a checkpoint was saved; None where it holds weights only."""
    logged = saved.get(KEY, {}).get("metrics", {})
    if f"{VALIDATION}n" not in logged:
        return None
    metrics = {name: _shortened(logged[VALIDATION + name]) for name in names}
    return Figures(int(logged[f"{VALIDATION}n"]), metrics)


def _shortened(value: float) -> float:
    """Without the digits beyond a float32's, which differ from processor to processor."""
    return float(f"{value:.7g}")
