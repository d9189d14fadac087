"""MNIST as Lightning's documentation does it: default Trainer, default DataLoader, per-image transforms.

The network and recipe are the tutorial's; the batch size is set to that of the contender it is compared with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jsonargparse import auto_cli
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.baselines.mnist_tutorial import TRANSFORM, build_mlp
from benchmarks.baselines.pil_images import PilImages
from benchmarks.baselines.recording import Recording
from datamodules.mnist import MNIST


class LitMLP(LightningModule):
    """The documentation's style: log the training loss at every step, the accuracy every epoch."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.network = build_mlp(num_classes)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        loss = F.cross_entropy(self.network(images), labels)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("val_accuracy", self._accuracy(batch), prog_bar=True)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("test_accuracy", self._accuracy(batch))

    def _accuracy(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, labels = batch
        return (self.network(images).argmax(1) == labels).float().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Record(Callback):
    """Hands the figures to the recording."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.recording: Recording

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.recording = Recording(self.output)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Any, batch_idx: int
    ) -> None:
        self.recording.stepped(len(batch[1]))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.recording.validated(float(trainer.callback_metrics["val_accuracy"]))


def main(data: str, output: Path, batch_size: int = 512, epochs: int = 5, seed: int = 1) -> None:
    """Train for all epochs."""
    seed_everything(seed, verbose=False)
    digits = MNIST(source=data, image_size_px=28)
    train_set, val_set, test_set = (PilImages(digits, split, TRANSFORM) for split in ("train", "val", "test"))
    model, record = LitMLP(digits.num_classes), Record(output)
    trainer = Trainer(max_epochs=epochs, callbacks=[record], default_root_dir=output.parent)
    trainer.fit(model, DataLoader(train_set, batch_size, shuffle=True), DataLoader(val_set, batch_size))
    measured = trainer.test(model, DataLoader(test_set, batch_size), verbose=False)
    record.recording.finish(measured[0]["test_accuracy"])


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
