"""Images are found, augmented, cached and moved as they should be, and read from files to be classified."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from datamodules.batches.images import ImageBatch, InMemoryImages
from datamodules.cifar10 import CIFAR10
from datamodules.mnist import MNIST
from datamodules.sources.no_input import NotAnInput
from datamodules.transfer_images import TransferImages
from tests.datamodules.conftest import in_stage

SPLITS = {"train/a": 12, "train/b": 8, "val/a": 3, "val/b": 3, "test/a": 2, "test/b": 3}


def test_training_images_are_augmented_one_by_one_and_evaluation_is_not() -> None:
    image = torch.arange(8 * 8, dtype=torch.uint8).reshape(1, 1, 8, 8).expand(64, 3, 8, 8)
    batch = ImageBatch(image, torch.zeros(64, dtype=torch.int64), torch.arange(64))
    data = CIFAR10(image_size_px=8, crop_padding_px=2, horizontal_flip=True)
    augmented = in_stage(data, training=True).on_after_batch_transfer(batch, 0)
    assert augmented.image.shape == batch.image.shape
    assert len(augmented.image.flatten(1).unique(dim=0)) > 20
    assert torch.equal(augmented.label, batch.label)
    assert torch.equal(in_stage(data, training=False).on_after_batch_transfer(batch, 0).image, batch.image)
    data.trainer = None
    assert torch.equal(data.on_after_batch_transfer(batch, 0).image, batch.image)


def test_larger_stored_images_are_cropped_at_random_for_training_and_centrally_otherwise(write_images: Any) -> None:
    data = TransferImages(source=str(write_images(SPLITS)), image_size_px=24, resize_px=30, batch_size=20)
    batch = next(iter(data.train_dataloader()))
    assert batch.image.shape[2:] == (30, 30)
    evaluated = in_stage(data, training=False).on_after_batch_transfer(batch, 0).image
    assert torch.equal(evaluated, batch.image[:, :, 3:27, 3:27])
    trained = in_stage(data, training=True).on_after_batch_transfer(batch, 0).image
    assert trained.shape == evaluated.shape
    assert not torch.equal(trained, evaluated)
    assert data.augments
    data.random_crop = False
    assert torch.equal(in_stage(data, training=True).on_after_batch_transfer(batch, 0).image, evaluated)
    assert not data.augments
    resized = TransferImages(image_size_px=24, min_crop_area=0.5)
    assert in_stage(resized, training=True).on_after_batch_transfer(batch, 0).image.shape[2:] == (24, 24)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size_px": 64, "resize_px": 32}, "data.resize_px=32 must be at least data.image_size_px=64"),
        ({"min_crop_area": 0.0}, r"data.min_crop_area=0.0 must lie in \(0, 1\]"),
        ({"image_size_px": 8, "crop_padding_px": 8}, "data.crop_padding_px=8 must lie between 0 and 7"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CIFAR10(**options)


def test_a_description_beside_the_images_does_not_make_them_a_table(write_images: Any) -> None:
    folder = write_images(SPLITS)
    (folder / "labels.csv").write_text("file,label\n")
    (folder / "train" / "info.json").write_text("{}")
    assert CIFAR10(source=str(folder)).sizes == {"train": 20, "val": 6, "test": 5}


def test_parquet_with_a_picture_beside_it_is_a_table(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (28, 28), 9).save(file, "PNG")
    folder = tmp_path / "mnist"
    folder.mkdir()
    frame = pd.DataFrame({"picture": [file.getvalue()] * 20, "digit": [3, 5] * 10})
    frame.to_parquet(folder / "train.parquet")
    (folder / "logo.png").write_bytes(file.getvalue())
    data = MNIST(source=str(folder), image_size_px=28, image_column="picture", label_column="digit")
    assert data.class_names == ["3", "5"]
    assert data.sizes == {"train": 16, "val": 2, "test": 2}
    assert next(iter(data.val_dataloader())).image.unique().tolist() == [9]


def test_the_sample_can_be_had_at_another_size() -> None:
    data = MNIST(image_size_px=32, train_size=50)
    batch = next(iter(data.train_dataloader()))
    assert batch.image.shape == (50, 1, 32, 32)


def test_inputs_come_in_order_by_content_and_what_is_no_image_is_named_as_such(write_images: Any) -> None:
    folder = write_images({"b": 2, "a": 1})
    (folder / "a" / "notes.txt").write_text("no image")
    (folder / "a" / "000.png").rename(folder / "a" / "photo")
    (folder / "b" / "001.png").write_bytes(b"broken")
    (folder / ".DS_Store").touch()
    (folder / "__MACOSX").mkdir()
    data = CIFAR10()
    inputs = dict(data.read_inputs(folder))
    a, b = folder / "a", folder / "b"
    assert list(inputs) == [f"{a}/notes.txt", f"{a}/photo", f"{b}/000.png", f"{b}/001.png", f"{folder}/__MACOSX"]
    assert inputs.pop(f"{a}/notes.txt") == NotAnInput("no image")
    assert inputs.pop(f"{folder}/__MACOSX") == NotAnInput("left by an archiver or a system")
    dataset, kept, unreadable = data.encode(list(inputs.values()), np.zeros(3, dtype=np.int64), "inputs")
    assert kept.tolist() == [0, 1]
    assert unreadable == [(str(b / "001.png"), "not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM image")]
    assert dataset.__getitems__([0, 1]).image.shape == (2, 3, 32, 32)  # type: ignore[attr-defined]
    assert list(data.read_inputs(b / "000.png")) == [(f"{b}/000.png", b / "000.png")]


def test_hyper_parameters_are_plain_and_rebuild_the_data_module() -> None:
    data = TransferImages(source="elsewhere", batch_size=7, image_size_px=64, resize_px=72, num_workers=1)
    assert {"source": "elsewhere", "batch_size": 7, "num_workers": 1}.items() <= data.hparams.items()
    assert all(isinstance(value, str | int | float | bool | None) for value in data.hparams.values())
    again = TransferImages(**data.hparams)
    assert again.hparams == data.hparams
    assert (again.source, again.batch_size, again.stored_size_px, again.num_workers) == ("elsewhere", 7, 72, 1)


@pytest.mark.real_data
def test_hymenoptera_loads_whole(real_data: Path) -> None:
    data = TransferImages(source=str(real_data / "hymenoptera"))
    assert data.sizes["val"] == 153
    assert data.sizes["train"] + data.sizes["test"] == 245
    assert data.skipped == data.source_found.ignored == []
    assert data.source_found.notes[0].startswith("There is no test split, so 24 of the 245 training images")


@pytest.mark.parametrize(("free_bytes", "kept"), [(3 * 25 * 32 * 32 * 3, True), (25 * 32 * 32 * 3, False)])
def test_data_moves_to_a_gpu_that_has_room_for_twice_as_much(
    write_images: Any, monkeypatch: pytest.MonkeyPatch, free_bytes: int, kept: bool
) -> None:
    moved: list[str] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free_bytes, 0))
    monkeypatch.setattr(InMemoryImages, "to", lambda self, device: moved.append(str(device)))
    gpu = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cuda")))
    folder = str(write_images({"train/a": 10, "train/b": 10, "val/a": 1, "val/b": 1, "test/a": 3}))
    settings: tuple[tuple[dict[str, Any], bool], ...] = (
        ({}, kept),
        ({"keep_on_device": False}, False),
        ({"num_workers": 1}, False),
    )
    for options, expected in settings:
        data = CIFAR10(source=folder, **options)
        data.trainer = gpu  # type: ignore[assignment]  # all that setup asks of it
        data.setup()
        assert moved == ["cuda"] * 3 * expected
        moved.clear()


def test_a_second_run_decodes_nothing(write_images: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_images(SPLITS)
    (folder / "train/a/003.png").write_bytes(b"no image")
    first = CIFAR10(source=str(folder))
    first.setup()
    monkeypatch.setattr("datamodules.batches.decoded_images.decode_all", lambda *_, **__: pytest.fail("decoded again"))
    moved = folder.rename(folder.with_name("elsewhere"))
    second = CIFAR10(source=str(moved))
    assert [Path(item) for item, _ in second.skipped] == [moved / "train/a/003.png"]
    for one, other in zip(first.val_dataloader(), second.val_dataloader(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
