"""Augmentation draws its own parameters for every image of a batch."""

import pytest
import torch

from datamodules.batches.augmentation import (
    center_crop,
    delete_tokens,
    random_crop,
    random_flip,
    random_resized_crop,
    rotate,
)
from datamodules.preprocessing import padded_width


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def coordinates(count: int, size: int) -> torch.Tensor:
    """uint8 (count, 2, size, size): the row and the column of every pixel."""
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return torch.stack([row, column]).to(torch.uint8).expand(count, 2, size, size)


def test_about_half_of_a_batch_is_mirrored_and_the_rest_left_alone() -> None:
    images = torch.randint(0, 256, (400, 3, 4, 4), dtype=torch.uint8)
    flipped = random_flip(images)
    mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    same = (flipped == images).flatten(1).all(1)
    assert (mirrored | same).all()
    assert 150 < mirrored.sum() < 250
    assert flipped.dtype == torch.uint8


def test_each_image_is_cropped_at_its_own_place() -> None:
    crops = random_crop(coordinates(200, 10), 8, padding_px=0)
    assert crops.shape == (200, 2, 8, 8)
    assert crops.dtype == torch.uint8
    assert len({(int(c[0, 0, 0]), int(c[1, 0, 0])) for c in crops}) == 9
    top, left = crops[:, 0, :1, :1], crops[:, 1, :1, :1]
    assert torch.equal(crops[:, 0] - top, coordinates(1, 8)[:, 0].expand(200, 8, 8))
    assert torch.equal(crops[:, 1] - left, coordinates(1, 8)[:, 1].expand(200, 8, 8))


def test_a_crop_reaches_over_the_border_by_reflection_on_all_sides() -> None:
    crops = random_crop(coordinates(300, 6), 6, padding_px=2)
    assert {tuple(c[0, :, 0].tolist()) for c in crops} == {
        (2, 1, 0, 1, 2, 3),
        (1, 0, 1, 2, 3, 4),
        (0, 1, 2, 3, 4, 5),
        (1, 2, 3, 4, 5, 4),
        (2, 3, 4, 5, 4, 3),
    }
    assert {int(c[1, 0, 0]) for c in crops} == {0, 1, 2}


def test_reflection_is_that_of_torch() -> None:
    images = torch.rand(2, 3, 5, 5)
    padded = random_crop(images, 9, padding_px=2)
    assert torch.equal(padded, torch.nn.functional.pad(images, (2, 2, 2, 2), mode="reflect"))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(("height", "width", "size", "padding"), [(9, 7, 6, 3), (8, 8, 8, 2), (5, 6, 4, 0)])
def test_crops_are_squares_of_the_padded_images(
    height: int, width: int, size: int, padding: int, dtype: torch.dtype
) -> None:
    images = torch.randint(0, 256, (50, 3, height, width)).to(dtype)
    torch.manual_seed(1)
    crops = random_crop(images, size, padding)
    torch.manual_seed(1)
    top, left = (torch.randint(side + 2 * padding - size + 1, (50,)).tolist() for side in (height, width))
    padded = torch.nn.functional.pad(images.float(), (padding,) * 4, mode="reflect").to(dtype)
    for crop, image, y, x in zip(crops, padded, top, left, strict=True):
        assert torch.equal(crop, image[:, y : y + size, x : x + size])


def test_resized_crops_differ_by_image_and_stay_inside() -> None:
    crops = random_resized_crop(coordinates(200, 32), 16, min_area=0.25)
    assert crops.shape == (200, 2, 16, 16)
    assert crops.dtype == torch.float32
    assert crops.min() >= 0
    assert crops.max() <= 31
    assert len({round(float(c[0, 0, 0]), 3) for c in crops}) > 150
    height, width = (crops[:, 0, -1, 0] - crops[:, 0, 0, 0]) / 15, (crops[:, 1, 0, -1] - crops[:, 1, 0, 0]) / 15
    area = height * width * 16 * 16 / 32**2
    assert area.min() >= 0.25 * 0.85  # pixel centres, and what is clamped at the border
    assert area.max() <= 1.01
    assert (height / width).min() >= 0.74
    assert (height / width).max() <= 1.34


def test_a_resized_crop_of_everything_is_nearly_the_image() -> None:
    image = torch.full((4, 3, 8, 8), 77, dtype=torch.uint8)
    assert torch.allclose(random_resized_crop(image, 8, 1.0), torch.tensor(77.0))


def test_the_centre_is_cropped_for_evaluation() -> None:
    crop = center_crop(coordinates(1, 10), 6)
    assert crop[0, 0, 0, 0] == crop[0, 1, 0, 0] == 2
    assert crop.shape == (1, 2, 6, 6)


def test_deleted_tokens_leave_the_rest_in_order_and_the_first_in_place() -> None:
    ids = torch.arange(1, 41).repeat(50, 1)
    mask = (torch.arange(40) < torch.randint(1, 41, (50, 1))).long()
    shorter, kept = delete_tokens(ids, mask, 0.5)
    assert shorter.shape == kept.shape
    assert shorter.shape[1] == padded_width(int(kept.sum(1).max())) < 40
    assert 0.35 * mask.sum() < kept.sum() < 0.65 * mask.sum() + 50
    for row, left, whole in zip(shorter, kept, mask, strict=True):
        assert row[0] == 1
        assert (left.diff() <= 0).all()  # padding comes last
        assert (row[left.bool()].diff() > 0).all()
        assert row[left.bool()].max() <= whole.sum()
    assert len({tuple(row.tolist()) for row in shorter}) > 40  # drawn per text


def test_deleting_nothing_changes_nothing() -> None:
    ids, mask = torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([[1, 1, 1], [1, 1, 0]])
    same, kept = delete_tokens(ids, mask, 0.0)
    assert torch.equal(same, ids)
    assert torch.equal(kept, mask)


def test_a_quarter_turn_is_exact_and_counter_clockwise() -> None:
    images = torch.randint(0, 256, (2, 3, 9, 9), dtype=torch.uint8)
    turned = rotate(images, torch.tensor([90.0, -90.0]))
    assert torch.allclose(turned[0], images[0].float().rot90(1, (1, 2)), atol=1e-2)
    assert torch.allclose(turned[1], images[1].float().rot90(-1, (1, 2)), atol=1e-2)


def test_each_image_turns_by_its_own_angle_and_none_where_that_is_zero() -> None:
    images = torch.zeros(2, 1, 21, 41)
    images[:, :, 10, 28] = 255.0  # eight pixels to the right of the middle
    turned = rotate(images, torch.tensor([0.0, 90.0]))
    assert torch.allclose(turned[0], images[0], atol=1e-2)
    assert (turned[1] > 128).nonzero().tolist() == [[0, 2, 20]]  # eight pixels above it, in an image that is no square
