"""Features of a frozen backbone are computed once per item, and nothing else changes."""

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.callbacks import Checkpoint, EMAWeightAveraging
from torch import Tensor, nn
from torch.nn.utils import parametrize

from callbacks.cache_frozen_features import CacheFrozenFeatures, modules_before
from callbacks.mix_images import MixImages
from callbacks.unfreeze_backbone import UnfreezeBackbone
from datamodules.mnist import MNIST
from datamodules.transfer_images import TransferImages
from lightning_modules.classifier import Classifier
from lightning_modules.imdb_lstm import ImdbLSTM
from lightning_modules.mnist_mlp import MnistMLP
from lightning_modules.resnet_transfer import ResNetTransfer
from lightsmith.runs.exact_resume import ExactResume
from tests.tiny_task import tiny_trainer
from tests.tiny_transfer import IMAGES, TinyImages, TinyTransfer

pytestmark = pytest.mark.filterwarnings("ignore:Found . module.* in eval mode")
BACKBONE = ["network.backbone*"]
PROBED = 8  # a batch of a size that was not known to give the same bits


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


def fit(
    *callbacks: Callback,
    freeze: bool = True,
    epochs: int = 3,
    augments: bool = False,
    compiles: bool = False,
    ckpt_path: str | None = None,
) -> TinyTransfer:
    seed_everything(5, verbose=False)
    model = TinyTransfer(freeze)
    model.compiles = compiles
    options = {"enable_checkpointing": any(isinstance(callback, Checkpoint) for callback in callbacks)}
    trainer = tiny_trainer(*callbacks, ExactResume(), max_epochs=epochs, num_sanity_val_steps=0, **options)
    trainer.fit(model, TinyImages(augments), ckpt_path=ckpt_path, weights_only=True)
    return model


def assert_same(one: Classifier, other: Classifier) -> None:
    """To the last bit, in the same order."""
    states = one.state_dict(), other.state_dict()
    assert list(states[0]) == list(states[1])
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_each_item_is_run_once_and_the_weights_end_as_without() -> None:
    counted = CountRuns()
    cached = fit(CacheFrozenFeatures(), counted)
    assert counted.per_epoch == [IMAGES + PROBED, 0, 0]
    assert_same(cached, fit())
    assert len(cached(torch.zeros(3, 3, 8, 8))) == 3  # after the fit the backbone runs again


@pytest.mark.parametrize("options", [{"freeze": False}, {"augments": True}, {"compiles": True}], ids=str)
def test_a_backbone_that_trains_sees_augmented_images_or_is_compiled_is_left_alone(
    options: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Module, "compile", lambda self: None)
    counted = CountRuns()
    fit(CacheFrozenFeatures(), counted, epochs=2, **options)  # type: ignore[arg-type]  # none is ckpt_path
    assert counted.per_epoch == [IMAGES, IMAGES]


@pytest.mark.parametrize("cache_first", [True, False])
def test_what_was_kept_is_dropped_when_a_stage_unfreezes(cache_first: bool) -> None:
    def staged() -> Callback:
        return UnfreezeBackbone(BACKBONE, stages={2: ["network.backbone.1.1"]})

    counted, cache = CountRuns(), CacheFrozenFeatures()
    cached = fit(*((cache, staged()) if cache_first else (staged(), cache)), counted, freeze=False, epochs=4)
    assert counted.per_epoch == [IMAGES + PROBED, 0, IMAGES, IMAGES]
    assert_same(cached, fit(staged(), freeze=False, epochs=4))


class Wake(Callback):
    """Lets a part of the backbone train, or only puts its dropout into training mode, from the second epoch on."""

    def __init__(self, trains: bool) -> None:
        self.trains = trains

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 1 and self.trains:
            pl_module.network.backbone[1][0].bias.requires_grad = True
        elif trainer.current_epoch == 1:
            pl_module.network.backbone[1][3].train()


@pytest.mark.parametrize("trains", [True, False])
def test_what_was_kept_is_dropped_when_a_part_trains_or_its_dropout_is_on(trains: bool) -> None:
    counted = CountRuns()
    cached = fit(CacheFrozenFeatures(), Wake(trains), counted, epochs=2)
    assert counted.per_epoch == [IMAGES + PROBED, IMAGES]  # dropout is off in validation, but that comes after
    assert_same(cached, fit(Wake(trains), epochs=2))


class Double(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight * 2


class Change(Callback):
    """Doubles a frozen weight after the second epoch, in a way that torch counts, or not, or by a parametrization."""

    def __init__(self, how: str) -> None:
        self.how = how

    @torch.no_grad()
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        convolution = pl_module.network.backbone[1][0]
        if trainer.current_epoch == 1 and self.how == "parametrized":
            parametrize.register_parametrization(convolution, "weight", Double())
            convolution.parametrizations.eval()
        elif trainer.current_epoch == 1:
            (convolution.weight if self.how == "counted" else convolution.weight.data).mul_(2)


@pytest.mark.parametrize("how", ["counted", "uncounted", "parametrized"])
def test_what_was_kept_is_dropped_when_somebody_changes_a_frozen_weight(how: str) -> None:
    counted = CountRuns()
    cached = fit(CacheFrozenFeatures(), Change(how), counted, epochs=4)
    assert counted.per_epoch == [IMAGES + PROBED, 0, IMAGES + PROBED, 0]
    assert_same(cached, fit(Change(how), epochs=4))


def test_averaged_weights_that_are_the_same_keep_it() -> None:
    counted = CountRuns()
    cached = fit(CacheFrozenFeatures(), EMAWeightAveraging(decay=0.9), counted)
    assert counted.per_epoch == [IMAGES + PROBED, 0, 0]
    assert_same(cached, fit(EMAWeightAveraging(decay=0.9)))


class Darken(Callback):
    """Transforms training batches, as adversarial training does."""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        pl_module.batch_transforms["attack"] = lambda batch: batch._replace(image=batch.image // 2)


@pytest.mark.parametrize("change", [Darken, MixImages])
def test_batches_that_another_callback_changes_are_not_looked_up(change: type[Callback]) -> None:
    counted = CountRuns()
    cached = fit(CacheFrozenFeatures(), change(), counted)
    assert counted.per_epoch == [IMAGES, 40, 40]  # validation is as it was
    assert_same(cached, fit(change()))


class SaveAfter(Checkpoint):
    """Saves after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.steps:
            trainer.save_checkpoint("saved.ckpt")


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_a_resumed_run_ends_as_one_that_was_left_alone(steps: int) -> None:
    fit(CacheFrozenFeatures(), SaveAfter(steps), epochs=2)
    counted = CountRuns()
    resumed = fit(CacheFrozenFeatures(), counted, ckpt_path="saved.ckpt")
    assert counted.per_epoch[0] > 0
    assert counted.per_epoch[-1] < IMAGES
    assert_same(resumed, fit())


def test_the_shipped_backbone_as_unfreeze_backbone_freezes_it() -> None:
    def trained(*callbacks: Callback) -> Classifier:
        seed_everything(5, verbose=False)
        data = TransferImages(batch_size=16, train_size=40)
        recipe: dict[str, Any] = {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", "dropout": 0.3}
        model = ResNetTransfer(class_names=data.class_names, **recipe)
        options: dict[str, Any] = {"max_epochs": 3, "limit_val_batches": 1, "num_sanity_val_steps": 0}
        tiny_trainer(UnfreezeBackbone(BACKBONE), *callbacks, **options).fit(model, data)
        return model

    assert_same(trained(CacheFrozenFeatures()), trained())


def test_another_network_and_another_name() -> None:
    def trained(*callbacks: Callback) -> tuple[Classifier, int]:
        seed_everything(5, verbose=False)
        data = MNIST(batch_size=30, train_size=100, image_size_px=28, crop_padding_px=0)
        model: Any = MnistMLP(class_names=data.class_names, dropout=0.3, hidden_features=(16, 8))
        runs: list[None] = []
        model.network[1].body[1].register_forward_hook(lambda *_: runs.append(None))
        freeze = UnfreezeBackbone(["network.0", "network.1.body"])  # the input's normalisation too
        tiny_trainer(freeze, *callbacks, max_epochs=3, limit_val_batches=2, num_sanity_val_steps=0).fit(model, data)
        return model, len(runs)

    cached, runs = trained(CacheFrozenFeatures("network.1.body"))
    plain, all_runs = trained()
    assert runs < all_runs == 18
    assert_same(cached, plain)


def test_what_comes_before_the_backbone_counts_and_what_comes_after_does_not() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(1, 1)), nn.Linear(1, 1))
    assert modules_before(network, network[1]) == [network[0], network[1], *network[1]]  # type: ignore[misc]


def test_mistakes_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"backbone=network\.nothing is no module of the model"):
        fit(CacheFrozenFeatures("network.nothing"))
    monkeypatch.setattr(nn.Flatten, "forward", lambda self, images: images.mean())
    with pytest.raises(ValueError, match="must give one tensor with a row an item"):
        fit(CacheFrozenFeatures())


def test_texts_are_refused_with_the_reason() -> None:
    cache = CacheFrozenFeatures("network.lstms.0")
    model: Any = ImdbLSTM(class_names=["bad", "good"], vocabulary_size=9).requires_grad_(False).eval()
    trainer: Any = type("Untransformed", (), {"datamodule": type("Texts", (), {"augments": False})})
    cache.on_train_start(trainer, model)
    ids = torch.ones(2, 3, dtype=torch.int64)
    batch: Any = type("Batch", (), {"inputs": (ids, ids)})
    cache.on_validation_batch_start(trainer, model, batch, 0)
    with pytest.raises(ValueError, match="a text's features depend on the width of its batch"):
        model.network(ids, ids)
