"""Handwritten digits: grey, from the sample and from the real data."""

from pathlib import Path

import pytest
import torch

from datamodules.mnist import MNIST


def test_the_sample_is_grey_digits() -> None:
    data = MNIST(image_size_px=28, batch_size=10)
    batch = next(iter(data.val_dataloader()))
    assert batch.image.shape == (10, 1, 28, 28)
    assert batch.image.dtype == torch.uint8
    assert data.sizes == {"train": 4000, "val": 500, "test": 500}
    assert data.num_classes == 10


def test_the_hub_data_set_is_pinned_to_a_revision() -> None:
    name, _, revision = MNIST.hub_name.partition("@")
    assert name == "ylecun/mnist"
    assert len(revision) == 40


@pytest.mark.real_data
def test_real_digits_keep_their_official_test_split(real_data: Path) -> None:
    data = MNIST(source=str(real_data / "mnist"), image_size_px=28)
    found = {split: len(examples) for split, examples in data.source_found.splits.items()}
    assert found == {"train": 54_000, "val": 6000, "test": 10_000}
    assert data.class_names == [str(digit) for digit in range(10)]
