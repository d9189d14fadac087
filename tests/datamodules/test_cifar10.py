"""Small colour images: the sample and the real data."""

from pathlib import Path

import pytest

from datamodules.cifar10 import CIFAR10


def test_the_sample_is_colour_digits() -> None:
    data = CIFAR10(batch_size=10)
    assert next(iter(data.test_dataloader())).image.shape == (10, 3, 32, 32)
    assert sum(data.sizes.values()) >= 10_000
    assert "sample" in data.source_found.origin


def test_the_hub_data_set_is_pinned_to_a_revision() -> None:
    name, _, revision = CIFAR10.hub_name.partition("@")
    assert name == "uoft-cs/cifar10"
    assert len(revision) == 40


@pytest.mark.real_data
def test_real_images_keep_their_names_and_official_test_split(real_data: Path) -> None:
    data = CIFAR10(source=str(real_data / "cifar10"), train_size=1000)
    found = {split: len(examples) for split, examples in data.source_found.splits.items()}
    assert found == {"train": 1000, "val": 5000, "test": 10_000}
    assert data.class_names[3] == "cat"
