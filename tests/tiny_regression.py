"""The smallest regression: a linear layer on random points, for tests of what surrounds the tasks."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import nn
from torch.utils.data import DataLoader, Dataset

from datamodules.sources.labels.values import summary
from lightning_modules.regressor import Regressor
from tests.tiny_task import TinyBatch


class ValueDataset(Dataset[TinyBatch]):
    """Values of about 1,000, of which a linear function of the points explains the most."""

    def __init__(self, size: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.points = torch.randn(size, 4, generator=generator)
        noise = torch.randn(size, generator=generator)
        self.labels = 1000 + self.points @ torch.tensor([30.0, -20.0, 10.0, 0.0]) + 2 * noise

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> TinyBatch:
        index = torch.tensor(indices)
        return TinyBatch(self.points[index], self.labels[index], index)


class TinyValues(LightningDataModule):
    """80 points in batches of 16 in each split, all different."""

    def __init__(self, size: int = 80) -> None:
        super().__init__()
        self.train, self.val, self.test = (ValueDataset(size, seed) for seed in range(3))
        self.values = summary(self.train.labels.numpy())

    def train_dataloader(self) -> DataLoader[TinyBatch]:
        return _loader(self.train)

    def val_dataloader(self) -> DataLoader[TinyBatch]:
        return _loader(self.val)

    def test_dataloader(self) -> DataLoader[TinyBatch]:
        return _loader(self.test)

    predict_dataloader = test_dataloader


def _loader(dataset: ValueDataset) -> DataLoader[TinyBatch]:
    return DataLoader(dataset, batch_size=16, collate_fn=lambda batch: batch)


class TinyRegressor(Regressor):
    def __init__(self, **recipe: Any) -> None:
        super().__init__(**{"lr": 0.05, "optimizer": "adam", **recipe})
        self.save_hyperparameters()
        torch.manual_seed(0)
        self.network = nn.Linear(4, 1)
