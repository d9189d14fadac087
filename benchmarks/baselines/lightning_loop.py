"""The hand-written loop under Lightning's Trainer, with everything off that can be: what Lightning alone costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jsonargparse import auto_cli
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from benchmarks.baselines.hand_loop import Recipe
from benchmarks.baselines.recording import Recording

OFF: dict[str, Any] = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class BareModule(LightningModule):
    """Training alone is Lightning's; each epoch is validated as the hand-written loop does it."""

    def __init__(self, recipe: Recipe, output: Path, max_samples: int | None) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = recipe.network
        self.output = output
        self.max_samples = max_samples
        self.recording: Recording

    def configure_optimizers(self) -> Any:
        return {"optimizer": self.recipe.optimizer, "lr_scheduler": self.recipe.schedule}

    def on_train_start(self) -> None:
        self.recording = Recording(self.output, max_samples=self.max_samples)

    def on_train_epoch_start(self) -> None:
        self.network.train()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self.recipe.loss(*batch)

    def on_train_batch_end(self, outputs: Any, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.recording.stepped(len(batch[1]))
        self.trainer.should_stop = self.recording.full

    def on_train_epoch_end(self) -> None:
        if not self.recording.full:
            self.recording.validated(self.recipe.accuracy(self.recipe.val))


def main(
    experiment: str,
    data: str,
    output: Path,
    batch_size: int | None = None,
    max_samples: int | None = None,
    seed: int = 1,
) -> None:
    """Train to the end, or for ``max_samples``."""
    torch.manual_seed(seed)
    recipe = Recipe(experiment, data, batch_size)
    module = BareModule(recipe, output, max_samples)
    Trainer(max_epochs=recipe.epochs, accelerator="cpu", **OFF).fit(module, recipe)
    module.recording.finish(None if module.recording.full else recipe.accuracy(recipe.test))


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
