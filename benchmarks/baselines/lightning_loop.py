"""The hand-written loop under Lightning's Trainer, with everything off that can be: what Lightning alone costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from benchmarks.baselines.recipe import Recipe
from benchmarks.baselines.recording import Recording

OFF: dict[str, Any] = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class BareModule(LightningModule):
    """Training alone is Lightning's; each epoch is validated as the hand-written loop does it."""

    def __init__(self, recipe: Recipe, start: Callable[[], Recording]) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = recipe.network
        self.start = start
        self.recording: Recording

    def configure_optimizers(self) -> Any:
        return {"optimizer": self.recipe.optimizer, "lr_scheduler": self.recipe.schedule}

    def on_train_start(self) -> None:
        self.recording = self.start()

    def on_train_epoch_start(self) -> None:
        self.network.train()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self.recipe.loss(*batch)

    def on_train_batch_end(self, outputs: object, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.recording.stepped(len(batch[1]))
        self.trainer.should_stop = self.recording.full

    def on_train_epoch_end(self) -> None:
        if not self.recording.full:
            self.recording.validated(self.recipe.accuracy(self.recipe.val))


def train_under_lightning(recipe: Recipe, start: Callable[[], Recording]) -> Recording:
    """Train under Lightning's Trainer to the end, or until the recording is full."""
    module = BareModule(recipe, start)
    Trainer(max_epochs=recipe.epochs, accelerator="cpu", **OFF).fit(module, recipe)
    return module.recording
