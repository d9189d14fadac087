"""Runs with flags of the Trainer, and their figures."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from lightsmith.checkpoints.rebuild import load_run
from tests.conftest import Outcome

# 3 batches of 32 in each of 2 epochs; nothing random but the order of the items.
STEADY = ("--trainer.precision=32-true", "--model.schedule=constant", "--model.warmup_fraction=0", "--loggers=[csv]")
SMALL = ("--data.train_size=96", "--data.batch_size=32", "--trainer.max_epochs=2", *STEADY)
TASKS = {
    "mnist_mlp": (*SMALL, "--data.crop_padding_px=0", "--trainer.log_every_n_steps=1"),
    "imdb_lstm": (
        *SMALL,
        "--trainer.log_every_n_steps=1",
        "--trainer.gradient_clip_val=null",
        "--data.max_tokens=16",
        "--data.token_deletion=0",
        "--model.dropout=0",
        "--model.hidden_size=8",
    ),
}


@dataclass(frozen=True)
class Run:
    """What a run left for a person to read."""

    outcome: Outcome
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        results: dict[str, Any] = json.loads((self.folder / "results.json").read_text())
        return results

    @property
    def fit(self) -> dict[str, int]:
        return {name: self.results["fit"][name] for name in ("epochs", "steps", "samples")}

    def column(self, name: str) -> list[float]:
        with (self.folder / "metrics.csv").open(newline="") as file:
            return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]

    @property
    def epochs(self) -> list[str]:
        """The line of each epoch, without its time."""
        return [line.rpartition("  ")[0] for line in self.outcome.out.splitlines() if line.startswith("epoch ")]


Trained = Callable[..., Run]


def figures(run: Run) -> dict[str, Any]:
    """All that a flag which only changes how a run is made must leave alone."""
    return {
        "test": run.results["test"],
        "weights": run.results["model"]["weights_sha256"],
        "fit": run.fit,
        "epochs": run.epochs,
        **{
            name: run.column(name) for name in ("train/loss", "train/loss_step", "train/lr", "val/loss", "val/accuracy")
        },
    }


def loss_and_accuracy(run: Run, split: str, items: int | None) -> tuple[float, float]:
    """Of the checkpoint that was tested, on the first items of a split, computed without a Trainer."""
    model, data = load_run(run.folder)
    batches = list(data.loader(split))
    with torch.no_grad():
        logits = torch.cat([model.eval()(*batch.inputs) for batch in batches]).float()[:items]
    labels = torch.cat([batch.label for batch in batches])[:items]
    return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


# Flags that change how a run is made, and not one of its figures; together, as the slow test tries each alone.
NEUTRAL = {
    "accelerator": "cpu",
    "devices": "1",
    "num_nodes": "1",
    "strategy": "auto",
    "deterministic": "true",
    "benchmark": "false",
    "detect_anomaly": "true",
    "inference_mode": "false",
    "use_distributed_sampler": "false",
    "sync_batchnorm": "true",
    "reload_dataloaders_every_n_epochs": "1",
    "num_sanity_val_steps": "2",
    "enable_autolog_hparams": "false",
    "plugins": "[]",
    "logger": "true",
    "min_epochs": "1",
    "min_steps": "1",
    "max_time": "01:00:00:00",
    "limit_predict_batches": "1",
    "enable_checkpointing": "true",
}


def flags_of(values: dict[str, str]) -> list[str]:
    return [f"--trainer.{name}={value}" for name, value in values.items()]
