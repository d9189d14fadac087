"""Tiny images and texts, and networks that learn them in a second."""

from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lightning_modules.classifier import Classifier
from lightning_modules.networks.layers.normalize import Normalize
from lightning_modules.networks.recurrent_classifiers import LSTMClassifier

BRIGHTER_BY = 30
GOOD, BAD = 2, 3  # ids of the words that decide
WORDS = ["<pad>", "[UNK]", "good", "bad", *(f"word{i}" for i in range(12))]


class Images(NamedTuple):
    image: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.image,)


class Texts(NamedTuple):
    input_ids: Tensor
    attention_mask: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.input_ids, self.attention_mask)


class ImageSet(Dataset[Images]):
    """Noise, brighter on the left (0) or on the right (1): uint8 (N, 1, 8, 8)."""

    def __init__(self, size: int) -> None:
        generator = torch.Generator().manual_seed(1)
        self.labels = torch.randint(2, (size,), generator=generator)
        self.images = torch.randint(60, 160, (size, 1, 8, 8), generator=generator)
        for image, label in zip(self.images, self.labels.tolist(), strict=True):
            image[:, :, 4 * label : 4 * label + 4] += BRIGHTER_BY
        self.images = self.images.to(torch.uint8)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> Images:
        index = torch.tensor(indices)
        return Images(self.images[index], self.labels[index], index)


class TextSet(Dataset[Texts]):
    """Words of which one, good or bad, decides."""

    def __init__(self, texts: list[str], labels: Tensor) -> None:
        self.texts, self.labels = texts, labels

    def __len__(self) -> int:
        return len(self.texts)

    def __getitems__(self, indices: list[int]) -> Texts:
        rows = [[WORDS.index(w) if w in WORDS else 1 for w in self.texts[i].split()] or [1] for i in indices]
        width = max(map(len, rows))
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        index = torch.tensor(indices)
        return Texts(ids, mask, self.labels[index], index)


def reviews(size: int) -> TextSet:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(2, (size,), generator=generator)
    words = torch.randint(4, len(WORDS), (size, 8), generator=generator)
    places = torch.randint(8, (size,), generator=generator)
    words[torch.arange(size), places] = labels + GOOD
    return TextSet([" ".join(WORDS[i] for i in row) for row in words.tolist()], labels)


class TinyInputs(LightningDataModule):
    """Every split is the same."""

    def __init__(self, dataset: ImageSet | TextSet, batch_size: int = 16) -> None:
        super().__init__()
        self.dataset, self.batch_size = dataset, batch_size
        self.augments, self.cache = False, True

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.dataset, batch_size=self.batch_size, collate_fn=lambda batch: batch)

    val_dataloader = test_dataloader = train_dataloader

    def item(self, split: str, index: int) -> str:
        assert isinstance(self.dataset, TextSet)
        return self.dataset.texts[index]

    def encode(self, items: list[str], labels: Any, title: str) -> tuple[TextSet, Any, list[tuple[str, str]]]:
        kept = [i for i, item in enumerate(items) if item]
        return TextSet([items[i] for i in kept], torch.from_numpy(labels)[kept]), torch.tensor(kept).numpy(), []


def tiny_images(size: int = 64) -> TinyInputs:
    return TinyInputs(ImageSet(size))


def tiny_texts(size: int = 64) -> TinyInputs:
    return TinyInputs(reviews(size))


class TinyCNN(Classifier):
    def __init__(self, **recipe: Any) -> None:
        super().__init__(class_names=["left", "right"], lr=0.03, **recipe)
        self.save_hyperparameters()
        torch.manual_seed(0)
        self.network = nn.Sequential(
            Normalize([0.4], [0.2]),
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(4 * 36, 2),
        )


class TinyLSTM(Classifier):
    def __init__(self, **recipe: Any) -> None:
        super().__init__(class_names=["good", "bad"], lr=0.03, **recipe)
        self.save_hyperparameters()
        torch.manual_seed(0)
        self.network = LSTMClassifier(2, len(WORDS), embedding_dim=6, hidden_size=8, dropout=0.1, word_dropout=0.1)
