"""Images as torchvision's own data sets serve them: decoded once, then a PIL image and a transform per item."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.batches.images import InMemoryImages
from datamodules.images import ImageData


class PilImages(Dataset[tuple[Tensor, int]]):
    """One split of a Lightsmith data set, so that every contender trains and validates on the same images.

    Args:
        split: train, val or test.
        transform: PIL image to tensor, per item, as torchvision.transforms.v2 composes them.
    """

    def __init__(self, data: ImageData, split: str, transform: Callable[[Image.Image], Tensor]) -> None:
        images = data.loader(split).dataset
        assert isinstance(images, InMemoryImages)
        self.images = images.images.squeeze(3).numpy()
        self.labels = images.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]
