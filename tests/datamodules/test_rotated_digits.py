"""Angles: the same in every validation and test, anew in training, and none for new images."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.rotated_digits import RotatedDigits


def digits(**options: Any) -> RotatedDigits:
    data = RotatedDigits(image_size_px=28, batch_size=100, **options)
    data.follow("value")
    return data


def first_batch(data: RotatedDigits, split: str) -> Any:
    return data.on_after_batch_transfer(next(iter(data.loader(split))), 0)


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_item_keeps_its_angle(split: str) -> None:
    once, again = (first_batch(digits(), split) for _ in range(2))
    assert torch.equal(once.label, again.label)
    assert torch.equal(once.image, again.image)
    assert once.image.dtype == torch.uint8
    assert 35 < once.label.abs().max() <= 45
    assert abs(float(once.label.mean())) < 10


def test_the_angle_is_by_how_much_the_upright_image_is_turned() -> None:
    data = digits()
    upright = next(iter(data.loader("test")))
    turned = data.on_after_batch_transfer(upright, 0)
    back = data.on_after_batch_transfer(turned._replace(label=-turned.label), 0)
    of_turned = (turned.image.float() - upright.image).abs().mean()
    assert (back.image.float() - upright.image).abs().mean() < of_turned / 3
    shown = torch.from_numpy(data.item("test", int(upright.index[0]))).permute(2, 0, 1)
    assert torch.equal(shown, turned.image[0])


def test_in_training_each_is_turned_anew() -> None:
    data = digits()
    data.trainer = SimpleNamespace(training=True)  # type: ignore[assignment]  # what is asked of it
    upright = next(iter(data.loader("val")))
    torch.manual_seed(0)
    labels = [data.on_after_batch_transfer(upright, 0).label for _ in range(2)]
    assert not torch.equal(*labels)
    assert max(float(label.abs().max()) for label in labels) <= 45
    assert data.augments


def test_new_images_are_left_as_they_are() -> None:
    data = digits()
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), np.uint8)
    dataset, _, _ = data.encode(images, np.zeros(5, np.int64), "inputs")
    batch: Any = dataset.__getitems__(list(range(5)))  # type: ignore[attr-defined]  # every data set here has it
    assert torch.equal(data.on_after_batch_transfer(batch, 0).image, batch.image)


def test_the_values_are_said_and_no_classes_are_left() -> None:
    data = digits(train_size=100)
    assert data.class_names == []
    assert data.labels.line(data.source_found).startswith("values -4")
    assert "turned by angles up to ±45°, drawn here" in data.source_found.notes[-1]
    assert 20 < data.values["deviation"] < 32


def test_a_classifier_and_values_of_ones_own_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give a Regressor as --model"):
        RotatedDigits().follow("class")
    (tmp_path / "labels.csv").write_text("file,value\na.png,1\n")
    with pytest.raises(ValueError, match=r"labels.csv: RotatedDigits turns upright images itself"):
        digits(source=str(tmp_path)).setup()
