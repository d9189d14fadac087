"""Trainings whose checkpoints are looked at afterwards."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback

from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def steps(folder: Path) -> dict[str, int]:
    """Global step by file name."""
    files = sorted((folder / "checkpoints").glob("*.ckpt"))
    return {path.name: torch.load(path, weights_only=True)["global_step"] for path in files}


def fit(*callbacks: Callback, epochs: int = 2, **options: Any) -> None:
    quiet: dict[str, Any] = {"enable_checkpointing": True, "num_sanity_val_steps": 0}
    tiny_trainer(*callbacks, max_epochs=epochs, **quiet, **options).fit(TinyModel(), TinyData())
