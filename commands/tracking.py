"""The loggers of a run: CSV, Weights & Biases, TensorBoard."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Literal

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

LoggerName = Literal["csv", "wandb", "tensorboard"]
WANDB_HOST = "api.wandb.ai"


def build_loggers(names: list[LoggerName], run_folder: Path, experiment: str) -> list[Logger]:
    """Loggers that write into the run folder."""
    builders = {
        "csv": lambda: CSVLogger(run_folder, name="", version=""),
        "tensorboard": lambda: TensorBoardLogger(run_folder, name="", version="tensorboard"),
        "wandb": lambda: _wandb(run_folder, experiment),
    }
    return [builders[name]() for name in names]


def _wandb(run_folder: Path, experiment: str) -> WandbLogger:
    import wandb

    mode = os.environ.get("WANDB_MODE") or ("online" if logged_in() else "offline")
    # A dead network must not hold up training: after ten seconds wandb goes on offline.
    settings = wandb.Settings(silent=True, console="off", init_timeout=10, x_disable_meta=True)
    return WandbLogger(
        project=os.environ.get("WANDB_PROJECT", "lightsmith"),
        group=experiment,
        name=f"{experiment}-{run_folder.name}",
        id=f"{experiment}-{run_folder.name}",
        save_dir=run_folder,
        mode=mode,
        settings=settings,
    )


def logged_in() -> bool:
    """Whether a Weights & Biases key is at hand, in the environment or in ~/.netrc as ``wandb login`` leaves it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators(WANDB_HOST) is not None
    except (OSError, netrc.NetrcParseError):
        return False
