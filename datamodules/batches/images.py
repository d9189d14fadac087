"""Batches of uint8 images, from memory or decoded as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from datamodules.preprocessing import ImagePreprocessing
from datamodules.sources.source import take


class ImageBatch(NamedTuple):
    """image: uint8 or float32 in 0…255 (B, C, H, W); label: int64 (B,); index: int64 (B,), position in the split."""

    image: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # tuples have a method of that name

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.image,)


class InMemoryImages(Dataset[ImageBatch]):
    """Images in one uint8 tensor (N, H, W, C), batched by indexing. It may be mapped from a file, or on a GPU.

    Args:
        rows: int64 (n,), which of the images these are; all of them when unset.
    """

    def __init__(self, images: np.ndarray | Tensor, labels: np.ndarray, rows: np.ndarray | None = None) -> None:
        self.images = torch.as_tensor(images)
        self.labels = torch.from_numpy(labels)
        self.rows = None if rows is None else torch.from_numpy(rows)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> ImageBatch:
        index = torch.from_numpy(np.array(indices)).to(self.images.device)  # torch.tensor is five times as slow
        rows = index if self.rows is None else self.rows[index]
        images = self.images.index_select(0, rows).permute(0, 3, 1, 2)
        return ImageBatch(images, self.labels[index], index)

    def take(self, positions: np.ndarray) -> InMemoryImages:
        """The images at int64 ``positions`` (n,), in that order, which stay where they are."""
        rows = positions if self.rows is None else self.rows.numpy()[positions]
        return InMemoryImages(self.images, self.labels.numpy()[positions], rows)

    def to(self, device: torch.device) -> None:
        """Move the images in use to a device, so that a batch is gathered where it is used."""
        images = self.images if self.rows is None else self.images[self.rows]
        self.images, self.labels, self.rows = images.to(device), self.labels.to(device), None

    @property
    def bytes(self) -> int:
        return len(self) * self.images[:1].nbytes


class StreamedImages(Dataset[ImageBatch]):
    """Images that do not fit the memory budget: decoded when a batch asks for them, in the loader's workers.

    One that could be read when the run began and no longer can is left out of its batch, and marked in ``lost``: bool
    (N,), in memory that the workers share.
    """

    streamed = True

    def __init__(self, items: Sequence[Path | bytes], labels: np.ndarray, preprocessing: ImagePreprocessing) -> None:
        self.items = items
        self.labels = torch.from_numpy(labels)
        self.preprocessing = preprocessing
        self.lost = torch.zeros(len(labels), dtype=torch.bool).share_memory_()
        self._news = torch.zeros(1, dtype=torch.bool).share_memory_()  # whether one was marked since it was asked

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: np.ndarray) -> StreamedImages:
        """The images at int64 ``positions`` (n,), in that order."""
        return StreamedImages(take(self.items, positions), self.labels.numpy()[positions], self.preprocessing)

    def __getitems__(self, indices: list[int]) -> ImageBatch:
        index = torch.tensor(indices)
        size = self.preprocessing.resize_px
        images = _empty_batch(len(indices), size, size, self.preprocessing.channels)
        for place, i in zip(images.numpy(), indices, strict=True):
            try:
                place[:] = self.preprocessing.decode(self.items[i])
            except Exception:  # noqa: BLE001  # decoders raise anything for bytes that somebody made up
                self.lost[i] = True
                self._news[0] = True
        if (lost := self.lost[index]).any():
            images, index = images[~lost], index[~lost]
        return ImageBatch(images.permute(0, 3, 1, 2), self.labels[index], index)

    def newly_lost(self) -> bool:
        """Return whether an image was lost since this was last asked; `lost` is large, and a batch is to be quick."""
        news = bool(self._news)
        self._news[0] = False  # before anyone looks at `lost`: what is marked from now on is news again
        return news


def _empty_batch(*shape: int) -> Tensor:
    """Room for uint8 images; in a loader worker in shared memory, which it would copy them to otherwise."""
    images = torch.empty(shape, dtype=torch.uint8)
    return images if get_worker_info() is None else images.share_memory_()
