"""Features of a frozen backbone are computed once per item, and nothing else changes."""

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from torch import Tensor

from callbacks.cache_frozen_features import CacheFrozenFeatures
from callbacks.mix_images import MixImages
from datamodules.transfer_images import TransferImages
from lightning_modules.resnet_transfer import ResNetTransfer
from tests.tiny_task import tiny_trainer


class CountRuns(Callback):
    """How many images went through the backbone in each epoch, validation included."""

    def __init__(self) -> None:
        self.images = 0
        self.per_epoch: list[int] = []

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        def count(module: Any, inputs: tuple[Tensor], output: Tensor) -> None:
            self.images += len(output)

        pl_module.network.backbone[1].register_forward_hook(count)

    def on_train_epoch_end(self, *_: Any) -> None:
        self.per_epoch.append(self.images)
        self.images = 0


def fit(*callbacks: Callback, freeze: bool = True, epochs: int = 3, **options: Any) -> ResNetTransfer:
    seed_everything(5, verbose=False)
    data = TransferImages(batch_size=16, train_size=40, **options)
    data.source_found.splits["val"] = data.source_found.splits["val"].take(torch.arange(20).numpy())
    model = ResNetTransfer(
        class_names=data.class_names, freeze_backbone=freeze, optimizer="sgd", lr=0.1, schedule="constant"
    )
    tiny_trainer(*callbacks, max_epochs=epochs, num_sanity_val_steps=0).fit(model, data)
    return model


def test_each_item_is_run_once_and_the_weights_end_as_without() -> None:
    counted = CountRuns()
    cached, plain = fit(CacheFrozenFeatures(), counted), fit()
    assert counted.per_epoch == [60, 0, 0]
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(cached.state_dict()[name], value, atol=1e-5, rtol=1e-5, msg=name)
    assert list(cached.state_dict()) == list(plain.state_dict())
    assert len(cached(torch.zeros(3, 3, 32, 32))) == 3  # after the fit the backbone runs again


@pytest.mark.parametrize(("freeze", "options"), [(False, {}), (True, {"crop_padding_px": 2})])
def test_a_backbone_that_trains_or_sees_augmented_images_is_left_alone(freeze: bool, options: dict[str, Any]) -> None:
    counted = CountRuns()
    fit(CacheFrozenFeatures(), counted, freeze=freeze, epochs=2, **options)
    assert counted.per_epoch == [60, 60]


def test_images_that_another_callback_changes_are_not_kept() -> None:
    counted = CountRuns()
    fit(CacheFrozenFeatures(), MixImages(), counted, epochs=2)
    assert counted.per_epoch == [60, 60]


def test_what_was_kept_is_dropped_when_the_backbone_starts_to_train() -> None:
    class Thaw(Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.current_epoch == 1:
                next(pl_module.network.backbone.parameters()).requires_grad = True

    counted = CountRuns()
    fit(Thaw(), CacheFrozenFeatures(), counted)
    assert counted.per_epoch == [60, 60, 60]
