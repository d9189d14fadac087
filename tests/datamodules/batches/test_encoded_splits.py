"""Found data is encoded once, and splits choose from it."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.batches import encoded_cache
from datamodules.batches.encoded_splits import TakenItems
from datamodules.cifar10 import CIFAR10
from datamodules.images import ImageData
from datamodules.review_wordpieces import ReviewWordPieces
from datamodules.sources.source import Examples, Source
from datamodules.split_data import SplitData


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(encoded_cache, "CACHE", tmp_path / "encoded")


def films(count: int = 60) -> str:
    rows = [f"{'word ' * (i % 7)}film number {i},{'good' if i % 2 else 'bad'}" for i in range(count)]
    Path("films.csv").write_text("\n".join(["text,label", *rows]))
    return "films.csv"


def seen(data: SplitData, split: str) -> dict[Any, tuple[Any, int]]:
    """By item what a batch has of it, and its label."""
    found = {}
    for batch in data.loader(split):
        for position, index in enumerate(batch.index.tolist()):
            parts = [part[position].numpy().tobytes().rstrip(b"\0") for part in batch.inputs]
            item = data.encoded_splits.readable[split].items[index]
            found[item] = (parts, int(batch.label[position]))
    return found


def test_seeds_shares_and_large_subsets_find_one_entry() -> None:
    source = films()
    options: list[dict[str, Any]] = [{}, {"split_seed": 3}, {"val_fraction": 0.3}, {"train_size": 20}]
    everything: dict[Any, Any] = {}
    for chosen in options:
        data = ReviewWordPieces(source=source, max_tokens=16, **chosen)
        for split in ("train", "val", "test"):
            for item, (parts, label) in seen(data, split).items():
                assert data.class_names[label] == ("good" if int(item.split()[-1]) % 2 else "bad")
                assert everything.setdefault(item, parts) == parts
    assert len(everything) == 60
    assert len(list(encoded_cache.CACHE.glob("*/tokens.int32"))) == 1


def test_a_quick_look_at_few_items_encodes_only_those(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = ReviewWordPieces.encode

    def counted(self: Any, items: Any, labels: Any, title: str) -> Any:
        encoded.append(len(items))
        return encode(self, items, labels, title)

    monkeypatch.setattr(ReviewWordPieces, "encode", counted)
    few: dict[str, Any] = {"train_size": 20, "val_fraction": 0.05, "test_fraction": 0.05}
    data = ReviewWordPieces(source=films(400), **few)
    assert data.sizes == {"train": 20, "val": 20, "test": 20}
    assert encoded == [60]
    assert all(len(seen(data, split)) == 20 for split in data.sizes)


@pytest.mark.parametrize("budget_gb", [4.0, 0.0])
def test_images_in_memory_and_streamed_stay_with_their_labels(write_images: Any, budget_gb: float) -> None:
    folder = write_images({"cats": 30, "dogs": 30})
    (folder / "cats/007.png").write_bytes(b"no image")
    data = CIFAR10(source=str(folder), memory_budget_gb=budget_gb, num_workers=0)
    assert sum(data.sizes.values()) == 59
    assert [Path(item).name for item, _ in data.skipped] == ["007.png"]
    for split in ("train", "val", "test"):
        for batch in data.loader(split):
            for image, label, index in zip(batch.image, batch.label, batch.index, strict=True):
                path = data.encoded_splits.readable[split].items[index]
                assert path.parent.name == data.class_names[label]
                assert (data.item(split, int(index)) == image.permute(1, 2, 0).numpy()).all()


def test_a_row_that_cannot_be_read_is_named_by_its_place_in_the_data(tmp_path: Path) -> None:
    images = []
    for i in range(40):
        file = io.BytesIO()
        Image.new("L", (8, 8), i).save(file, "PNG")
        images.append(file.getvalue())
    images[33] = b"no image"
    pd.DataFrame({"image": images, "label": [0, 1] * 20}).to_parquet(tmp_path / "t.parquet")
    names: set[str] = set()
    for seed in range(4):
        data = ImageDataForTest(source=str(tmp_path / "t.parquet"), image_size_px=8, split_seed=seed)
        names.update(name for name, _ in data.skipped)
        assert len(data.skipped) == 1
    assert names == {"train row 33"}


class ImageDataForTest(ImageData):
    channels = 1

    def load_sample(self) -> Source:
        raise AssertionError("a path is given")


class Pair(NamedTuple):
    value: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # tuples have a method of that name


class Pairs(Dataset[Pair]):
    def __init__(self) -> None:
        self.lengths = [5, 6, 7, 8]

    def __len__(self) -> int:
        return 4

    def __getitems__(self, indices: list[int]) -> Pair:
        at = torch.tensor(indices)
        return Pair(at * 10, at % 2, at)


def test_a_data_set_of_ones_own_is_chosen_from_by_position() -> None:
    taken = TakenItems(Pairs(), np.array([3, 1]))
    assert len(taken) == 2
    assert taken.lengths == [8, 6]
    batch = taken.__getitems__([1, 0])
    assert batch.value.tolist() == [10, 30]
    assert batch.label.tolist() == [1, 1]
    assert batch.index.tolist() == [1, 0]


@pytest.mark.parametrize("source", ["texts", "images"])
def test_what_is_moved_is_only_what_is_used(source: str, write_images: Any) -> None:
    """On a GPU each split holds its own items, and batches stay the same."""
    data: SplitData
    if source == "texts":
        data = ReviewWordPieces(source=films(), max_tokens=16)
    else:
        data = CIFAR10(source=str(write_images({"cats": 20, "dogs": 20})))
    before = {split: seen(data, split) for split in ("train", "val", "test")}
    total = sum(data.encoded_splits.datasets[split].bytes for split in before)
    for split in before:
        dataset: Any = data.encoded_splits.datasets[split]
        dataset.to(torch.device("cpu"))
        held = dataset.tokens if source == "texts" else dataset.images
        assert held.nbytes == dataset.bytes < total
        assert seen(data, split) == before[split]


def test_array_items_are_chosen_from_without_a_copy() -> None:
    images = np.arange(40 * 8 * 8, dtype=np.uint8).reshape(40, 8, 8, 1)

    class Arrays(ImageDataForTest):
        def load_path(self, path: Path) -> Source:
            return Source("arrays", ["a", "b"], {"train": Examples(images, np.arange(40) % 2)})

    data = Arrays(source=".", image_size_px=8)
    Path("x").touch()
    for split in ("train", "val", "test"):
        dataset: Any = data.encoded_splits.datasets[split]
        assert np.shares_memory(dataset.images.numpy(), images)
        batch = dataset.__getitems__(list(range(len(dataset))))
        expected = images[data.source_found.rows[split]]
        assert (batch.image.permute(0, 2, 3, 1).numpy() == expected).all()
