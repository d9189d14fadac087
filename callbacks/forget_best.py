"""What was best before a network changed for good is not comparable with what comes after."""

from __future__ import annotations

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint


def forget_best(trainer: Trainer) -> None:
    """Let only later epochs be the best: a checkpoint of the network before would be tested in its place."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by Lightning's connector
        if isinstance(callback, ModelCheckpoint) and callback.monitor is not None:
            callback.best_k_models.clear()
            callback.best_model_score, callback.best_model_path, callback.kth_best_model_path = None, "", ""
            callback.kth_value = torch.tensor(torch.inf if callback.mode == "min" else -torch.inf)
        elif isinstance(callback, EarlyStopping):
            callback.wait_count = 0
            callback.best_score = torch.tensor(torch.inf if callback.mode == "min" else -torch.inf)
