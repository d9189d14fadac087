"""The loggers of a run: CSV, Weights & Biases, TensorBoard."""

from __future__ import annotations

import csv
import io
import netrc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

LoggerName = Literal["csv", "wandb", "tensorboard"]
WANDB_HOST = "api.wandb.ai"


def build_loggers(names: list[LoggerName], run_folder: Path, experiment: str, steps_done: int) -> list[Logger]:
    """Loggers that write into the run folder.

    Args:
        steps_done: training steps that a resumed run continues after; 0 for a new one.
    """
    builders: dict[LoggerName, Callable[[], Logger]] = {
        "csv": lambda: _csv(run_folder, steps_done),
        "tensorboard": lambda: TensorBoardLogger(run_folder, name="", version="tensorboard"),
        "wandb": lambda: _wandb(run_folder, experiment),
    }
    return [builders[name]() for name in names]


def _csv(run_folder: Path, steps_done: int) -> CSVLogger:
    """Appends to the metrics of the steps that a resumed run keeps; Lightning's logger deletes them all."""
    file = run_folder / "metrics.csv"
    reader = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8") if file.exists() else ""))
    kept = [row for row in reader if int(row["step"]) < steps_done]
    logger = CSVLogger(run_folder, name="", version="")
    writer: Any = logger.experiment
    if kept:
        writer.metrics_keys = list(reader.fieldnames or [])
        with file.open("w", encoding="utf-8", newline="") as earlier:
            table = csv.DictWriter(earlier, writer.metrics_keys)
            table.writeheader()
            table.writerows(kept)
    return logger


def wandb_mode() -> str:
    """What ``WANDB_MODE`` says; otherwise online where somebody is logged in, and offline elsewhere."""
    return os.environ.get("WANDB_MODE") or ("online" if logged_in() else "offline")


def finish_wandb(exit_code: int = 0) -> None:
    """Write out what Weights & Biases holds, and end its run, so that the process can start another."""
    import wandb

    if wandb.run is not None:
        wandb.run.finish(exit_code)


def _wandb(run_folder: Path, experiment: str) -> WandbLogger:
    # wandb's login knows no settings, and prints the address of WANDB_BASE_URL with any password in it.
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    # A dead network must not hold up training: after ten seconds wandb goes on offline.
    settings = wandb.Settings(silent=True, console="off", init_timeout=10, x_disable_meta=True)
    logger = WandbLogger(
        project=os.environ.get("WANDB_PROJECT", "lightsmith"),
        group=experiment,
        name=f"{experiment}-{run_folder.name}",
        id=f"{experiment}-{run_folder.name}",
        save_dir=run_folder,
        mode=wandb_mode(),
        settings=settings,
    )
    logger._wandb_init.pop("anonymous")  # Lightning 2.6 always passes it, of which wandb warns
    return logger


def logged_in() -> bool:
    """Whether a Weights & Biases key is at hand, in the environment or in ~/.netrc as ``wandb login`` leaves it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators(WANDB_HOST) is not None
    except (OSError, netrc.NetrcParseError):
        return False
