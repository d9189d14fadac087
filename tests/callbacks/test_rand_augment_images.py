from typing import Any

import pytest
import torch

from callbacks.mix_images import MixImages
from callbacks.rand_augment_images import RandAugmentImages
from tests.tiny_inputs import Images, ImageSet, TinyCNN, tiny_images
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def twins(count: int) -> Images:
    """One image, over and over."""
    return ImageSet(1).__getitems__([0] * count)


def test_images_of_one_part_are_distorted_alike_and_others_not() -> None:
    torch.manual_seed(0)
    images = RandAugmentImages(images_per_draw=4).augment(twins(20)).image
    assert images.dtype == torch.uint8
    assert images.shape == (20, 1, 8, 8)
    parts = images.split(4)
    assert all(torch.equal(part, part[:1].expand_as(part)) for part in parts)
    assert len({part[0].numpy().tobytes() for part in parts}) >= 4


def test_float_images_stay_in_their_range() -> None:
    batch = twins(4)
    torch.manual_seed(1)
    whole = RandAugmentImages().augment(batch).image
    torch.manual_seed(1)
    assert torch.equal(RandAugmentImages().augment(batch._replace(image=batch.image.float() + 0.4)).image, whole)


def test_it_comes_before_mixing_whatever_the_order_of_the_callbacks() -> None:
    def weights(*callbacks: Any) -> torch.Tensor:
        torch.manual_seed(2)
        model = TinyCNN()
        tiny_trainer(*callbacks, max_epochs=1).fit(model, tiny_images())
        assert not model.batch_transforms
        return model.state_dict()["network.6.weight"]

    one = weights(RandAugmentImages(), MixImages())
    assert torch.equal(one, weights(MixImages(), RandAugmentImages()))
    assert not torch.equal(one, weights(MixImages()))


def test_other_inputs_and_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"RandAugmentImages is for images \(B, C, H, W\), not for inputs of \(8, 4\)"):
        tiny_trainer(RandAugmentImages(), max_epochs=1).fit(TinyModel(), TinyData())
    options: dict[str, Any]
    for options, line in (
        ({"distortions": 0}, "distortions=0 must be at least 1"),
        ({"images_per_draw": 0}, "images_per_draw=0 must be at least 1"),
        ({"magnitude": 31}, "magnitude=31 must lie in 0…30"),
    ):
        with pytest.raises(ValueError, match=line):
            RandAugmentImages(**options)
