"""Few labelled images: the sample, and a folder of photographs of any size."""

from typing import Any

from datamodules.transfer_images import TransferImages


def test_the_sample_has_few_images_to_train_on_and_many_to_test() -> None:
    data = TransferImages(batch_size=8)
    assert 200 <= data.sizes["train"] <= 500
    assert data.sizes["test"] >= 1000
    assert next(iter(data.train_dataloader())).image.shape == (8, 3, 32, 32)


def test_photographs_of_any_size_come_at_the_size_asked_for(write_images: Any) -> None:
    data = TransferImages(source=str(write_images({"ants": 6, "bees": 6})), image_size_px=48, batch_size=4)
    assert next(iter(data.train_dataloader())).image.shape == (4, 3, 48, 48)
    assert data.class_names == ["ants", "bees"]
    assert sum(data.sizes.values()) == 12
