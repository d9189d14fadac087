"""Loaders over splits: shuffled for training, in one order otherwise, from the device where there is room."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from datamodules.batches.loader import EpochShuffle, OneShuffle, batch_loader


class SplitLoaders(LightningDataModule):
    """A data module over data sets that hand out whole batches.

    Args:
        batch_size: items per batch and device.
        num_workers: loader processes; when None, none for data in memory and one a core for data that is streamed.
        keep_on_device: keep data on the GPU if there is one and the data takes less than half of its free memory.
    """

    def __init__(self, batch_size: int, num_workers: int | None, keep_on_device: bool) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"data.batch_size={batch_size} must be at least 1")
        if num_workers is not None and num_workers < 0:
            raise ValueError(f"data.num_workers={num_workers} must be at least 0")
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.keep_on_device = keep_on_device
        self.start = (0, 0)  # epoch and batch that training begins with: lightsmith/runs/exact_resume.py sets it

    @property
    @abstractmethod
    def datasets(self) -> dict[str, Any]:
        """The data set of each split."""

    @property
    def augments(self) -> bool:
        """Return whether training items are changed at random each time they are seen."""
        return False

    def setup(self, stage: str | None = None) -> None:
        datasets = self.datasets  # encoded here at the latest
        device = self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")
        if device.type == "cuda" and self.keep_on_device and not self.num_workers:
            hold_on_device(datasets.values(), device)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        if batch.index.device == device:  # nothing to move: Lightning would go through the batch to find out
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def loader(self, split: str, shuffle: bool = False) -> DataLoader[Any]:
        """Batches of a split, bucketed by length where items have one.

        Shuffling follows the training seed (``seed_everything``) and the epoch, but for ``overfit_batches``, whose
        batches are the same in all; in a resumed epoch, the batches that were trained on are left out.
        """
        dataset = self.datasets[split]
        seed = int(os.environ.get("PL_GLOBAL_SEED", "0")) if shuffle else None
        start = self.start if shuffle else (0, 0)
        lengths = getattr(dataset, "lengths", None)
        # Lightning would turn shuffling off itself if it saw it: a batch sampler hides it.
        shuffle_type = OneShuffle if getattr(self.trainer, "overfit_batches", 0) else EpochShuffle
        return batch_loader(dataset, self.batch_size, self._workers(dataset), seed, lengths, start, shuffle_type)

    def _workers(self, dataset: object) -> int:
        if self.num_workers is not None:
            return self.num_workers
        return torch.get_num_threads() if getattr(dataset, "streamed", False) else 0

    def train_dataloader(self) -> DataLoader[Any]:
        return self.loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        return self.loader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        """The test split in its own order."""
        dataset = self.datasets["test"]
        return batch_loader(dataset, self.batch_size, self._workers(dataset))


def hold_on_device(datasets: Iterable[Any], device: torch.device) -> None:
    """Move data sets to a GPU if together they take less than half of its free memory; streamed ones stay.

    Args:
        datasets: those that can be moved have ``to(device)`` and ``bytes``.
    """
    free_bytes, _ = torch.cuda.mem_get_info(device)
    held = [dataset for dataset in datasets if hasattr(dataset, "to")]
    if sum(dataset.bytes for dataset in held) < free_bytes / 2:
        for dataset in held:
            dataset.to(device)
