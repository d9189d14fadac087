from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint

from callbacks.quantization_aware_training import QuantizationAwareTraining
from callbacks.unfreeze_backbone import UnfreezeBackbone
from lightning_modules.networks.layers.rounding import InputRange
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


class Watch(Callback):
    """Keeps what each epoch of training ended with."""

    def __init__(self) -> None:
        self.kinds: list[list[str]] = []
        self.scales: list[list[float]] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.kinds.append([operation["kind"] for operation in pl_module.operations])
        ranges = [module for module in pl_module.modules() if isinstance(module, InputRange)]
        self.scales.append([float(module.scale) for module in ranges])


def test_it_begins_at_its_epoch_once_and_freezes_the_ranges_at_the_other() -> None:
    watch = Watch()
    model = TinyModel(lr=0.1)
    tiny_trainer(QuantizationAwareTraining(1, 3), watch, max_epochs=5).fit(model, datamodule=TinyData())
    assert watch.kinds == [[], *[["fake_quantize"]] * 4]
    assert watch.scales[1] != watch.scales[2]
    assert watch.scales[2] == watch.scales[3] == watch.scales[4]


def test_ranges_are_learnt_in_frozen_layers_too() -> None:
    watch = Watch()
    callbacks = QuantizationAwareTraining(1, 2), UnfreezeBackbone(freeze=["network.0"]), watch
    tiny_trainer(*callbacks, max_epochs=3).fit(TinyModel(lr=0.1), datamodule=TinyData())
    assert 1.0 not in watch.scales[1]  # what a range begins with
    assert watch.scales[1] == watch.scales[2]


def test_what_is_tested_is_the_quantized_network(tmp_path: Any) -> None:
    data, model = TinyData(), TinyModel(lr=0.1)
    trainer = tiny_trainer(QuantizationAwareTraining(1, 2), max_epochs=3)
    trainer.fit(model, datamodule=data)
    quantized = model.probabilities(data)
    trainer.save_checkpoint("end.ckpt")
    plain = TinyModel(lr=0.1)
    state = {name: value for name, value in model.state_dict().items() if "input_range" not in name}
    plain.load_state_dict(state)
    assert not torch.equal(plain.probabilities(data), quantized)
    restored = TinyModel(lr=0.1)
    checkpoint = torch.load("end.ckpt", weights_only=True)
    restored.on_load_checkpoint(checkpoint)
    restored.load_state_dict(checkpoint["state_dict"])
    assert torch.equal(restored.probabilities(data), quantized)


@pytest.mark.filterwarnings("ignore:Checkpoint directory")
def test_the_best_checkpoint_is_of_the_quantized_network() -> None:
    best = ModelCheckpoint("best", "{epoch}", monitor="val/loss", mode="max")  # the untrained is best
    trainer = tiny_trainer(QuantizationAwareTraining(2, 3), best, max_epochs=4, enable_checkpointing=True)
    trainer.fit(TinyModel(lr=0.1), datamodule=TinyData())
    assert best.best_model_path.endswith(("epoch=2.ckpt", "epoch=3.ckpt"))


def test_a_run_too_short_or_a_second_copy_of_the_network_is_refused_before_training() -> None:
    for short in ({"max_epochs": 2}, {"max_epochs": 9, "max_steps": 10}):
        with pytest.raises(ValueError, match=r"freeze_epoch=2 is not reached in the run's 2 epochs: give more than 2"):
            tiny_trainer(QuantizationAwareTraining(1, 2), **short).fit(TinyModel(), datamodule=TinyData())
    for allowed in ({"fast_dev_run": True}, {"max_epochs": 2, "limit_train_batches": 0}):  # which trains nothing
        tiny_trainer(QuantizationAwareTraining(1, 2), **allowed).fit(TinyModel(), datamodule=TinyData())
    callbacks = QuantizationAwareTraining(1, 2), EMAWeightAveraging(decay=0.9)
    with pytest.raises(ValueError, match="does not go with EMAWeightAveraging"):
        tiny_trainer(*callbacks, max_epochs=3).fit(TinyModel(), datamodule=TinyData())


@pytest.mark.parametrize(("start", "freeze"), [(2, 2), (-1, 2), (3, 1)])
def test_ranges_need_an_epoch_to_be_learnt_in(start: int, freeze: int) -> None:
    with pytest.raises(ValueError, match="ranges have to be learnt first"):
        QuantizationAwareTraining(start, freeze)
