"""What each of several processes saw and drew, in files that a test can compare."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.log_confusion_matrix import LogConfusionMatrix


class RecordRanks(Callback):
    """Writes ``rank<n>.pt``: initial weights, the first batch's inputs and a draw after it, the counts of the test."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.seen: dict[str, Any] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.seen.setdefault("weights", {name: value.clone() for name, value in pl_module.state_dict().items()})

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        with torch.random.fork_rng([]):
            self.seen.setdefault("drawn", torch.rand(8))
        self.seen.setdefault("inputs", batch.inputs)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by Lightning's connector
            if isinstance(callback, LogConfusionMatrix):
                self.seen["counts"] = callback.counts
        torch.save(self.seen, self.folder / f"rank{trainer.global_rank}.pt")
