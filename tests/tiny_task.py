"""The smallest task: a linear layer on random points, for tests of what surrounds the tasks."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningDataModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lightning_modules.classifier import Classifier

CLASS_NAMES = ["ant", "bee", "wasp"]


class TinyBatch(NamedTuple):
    points: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.points,)


class TinyDataset(Dataset[TinyBatch]):
    def __init__(self, size: int) -> None:
        generator = torch.Generator().manual_seed(3)
        self.points = torch.randn(size, 4, generator=generator)
        self.labels = torch.randint(len(CLASS_NAMES), (size,), generator=generator)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> TinyBatch:
        index = torch.tensor(indices)
        return TinyBatch(self.points[index], self.labels[index], index)


class TinyData(LightningDataModule):
    """40 points in batches of 8; every split is the same."""

    def __init__(self, size: int = 40) -> None:
        super().__init__()
        self.dataset = TinyDataset(size)

    def train_dataloader(self) -> DataLoader[TinyBatch]:
        return DataLoader(self.dataset, batch_size=8, collate_fn=lambda batch: batch)

    val_dataloader = test_dataloader = predict_dataloader = train_dataloader

    def item(self, split: str, index: int) -> str:
        return f"{split} {index}"


class TinyModel(Classifier):
    def __init__(self, **recipe: Any) -> None:
        super().__init__(class_names=CLASS_NAMES, **recipe)
        self.save_hyperparameters()
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))

    def probabilities(self, data: TinyData) -> Tensor:
        """(40, 3), in evaluation mode."""
        training = self.training
        with torch.inference_mode():
            result = self.eval()(data.dataset.points).softmax(1)
        self.train(training)
        return result


def trained(
    *callbacks: Callback, model: TinyModel | None = None, saved: Path | None = None, **options: Any
) -> TinyModel:
    """After 3 epochs of 5 steps; without channels removed, the hidden layer has 8 units."""
    model = model or TinyModel()
    trainer = tiny_trainer(*callbacks, **{"max_epochs": 3, "num_sanity_val_steps": 0, **options})
    trainer.fit(model, TinyData())
    if saved is not None:
        trainer.save_checkpoint(saved)
    return model


def tiny_trainer(*callbacks: Callback, **options: Any) -> Trainer:
    """A quiet CPU Trainer in the current folder, without loggers and checkpoints unless asked for."""
    quiet: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "log_every_n_steps": 1,
        "default_root_dir": Path.cwd(),
    }
    return Trainer(callbacks=list(callbacks), **{**quiet, **options})


def fit(model: TinyModel, *callbacks: Callback, **options: Any) -> Trainer:
    """Train a tiny model for a few epochs; return the Trainer."""
    trainer = tiny_trainer(*callbacks, **{"max_epochs": 2, "num_sanity_val_steps": 0, **options})
    trainer.fit(model, TinyData())
    return trainer
