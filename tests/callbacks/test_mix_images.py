from typing import Any

import pytest
import torch

from callbacks.mix_images import STAGE, MixImages
from tests.tiny_inputs import Images, ImageSet, TinyCNN, tiny_images
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def mixed(**alphas: float) -> tuple[Images, Images]:
    """A batch before and after."""
    callback, model = MixImages(**alphas), TinyCNN()
    callback.on_fit_start(tiny_trainer(), model)
    batch = ImageSet(8).__getitems__(list(range(8)))
    torch.manual_seed(0)
    return batch, model.batch_transforms[STAGE](batch)


def test_mixup_blends_neighbours_and_their_labels_alike() -> None:
    before, after = mixed(mixup_alpha=1.0, cutmix_alpha=0.0)
    one_hot = torch.eye(2)[before.label]
    images, neighbours = before.image.float(), before.image.float().roll(1, 0)
    share = ((after.image - neighbours) / (images - neighbours))[images != neighbours].median()
    assert 0.01 < share < 0.99
    assert torch.allclose(after.image, share * images + (1 - share) * neighbours, atol=0.01)
    assert torch.allclose(after.label, share * one_hot + (1 - share) * one_hot.roll(1, 0), atol=1e-4)
    assert after.label.dtype == torch.float32


def test_cutmix_pastes_a_box_and_weighs_labels_by_its_area() -> None:
    before, after = mixed(mixup_alpha=0.0, cutmix_alpha=1.0)
    images = before.image.float()
    pasted = (after.image != images) & (after.image == images.roll(1, 0))
    assert ((after.image == images) | pasted).all()
    area = float(pasted.any(0).float().mean())
    one_hot = torch.eye(2)[before.label]
    assert 0 < area < 1
    assert torch.allclose(after.label, (1 - area) * one_hot + area * one_hot.roll(1, 0), atol=1e-4)


def test_a_batch_gets_one_of_both() -> None:
    callback, model = MixImages(), TinyCNN()
    callback.on_fit_start(tiny_trainer(), model)
    assert [type(mixer).__name__ for mixer in callback._mixers] == ["MixUp", "CutMix"]
    callback._mixers = [lambda images, label, share=share: (images * share, label) for share in (1, 0)]
    batch = ImageSet(2).__getitems__([0, 1])
    assert len({bool(callback.mix(batch).image.any()) for _ in range(20)}) == 2


def test_a_network_learns_from_mixed_images_and_validates_on_whole_ones() -> None:
    model = TinyCNN()
    trainer = tiny_trainer(MixImages(), max_epochs=6)
    trainer.fit(model, tiny_images())
    assert trainer.callback_metrics["val/accuracy"] > 0.9
    assert not model.batch_transforms


def test_other_inputs_and_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"MixImages is for images \(B, C, H, W\), not for inputs of \(8, 4\)"):
        tiny_trainer(MixImages(), max_epochs=1).fit(TinyModel(), TinyData())
    options: dict[str, Any]
    for options in ({"mixup_alpha": -0.1}, {"mixup_alpha": 0.0, "cutmix_alpha": 0.0}):
        with pytest.raises(ValueError, match="must not be below 0, nor both 0"):
            MixImages(**options)
