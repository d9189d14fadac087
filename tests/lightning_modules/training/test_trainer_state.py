"""Lightning's WeightAveraging with what Lightsmith does to a network, and in a whole run."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    ModelCheckpoint,
    StochasticWeightAveraging,
    WeightAveraging,
)

from callbacks.apply_lora import ApplyLoRA
from callbacks.save_last import SaveLast
from lightsmith.runs.trainer import ExperimentTrainer
from tests.callbacks.test_save_last_on_signals import SENT, Send
from tests.saved_training import fit
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def average() -> EMAWeightAveraging:
    return EMAWeightAveraging(decay=0.8)


def adapters() -> ApplyLoRA:
    return ApplyLoRA(["0"], rank=2, also_train=["network.3.*"])


def fitted(*callbacks: Callback) -> TinyModel:
    torch.manual_seed(3)
    model = TinyModel(lr=0.05)
    tiny_trainer(*callbacks, max_epochs=2).fit(model, TinyData())
    return model


def test_the_order_of_averaging_and_adapters_does_not_matter() -> None:
    one, other = fitted(average(), adapters()), fitted(adapters(), average())
    alone = fitted(adapters())
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    assert not torch.equal(one.state_dict()["network.3.weight"], alone.state_dict()["network.3.weight"])


def test_a_run_tests_the_average(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path / "checkpoints", "best", monitor="val/accuracy", mode="max")
    options: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = ExperimentTrainer(callbacks=[best, average()], max_epochs=2, default_root_dir=tmp_path, **options)
    model = TinyModel(lr=0.05)
    trainer.run(model, TinyData())
    saved = torch.load(tmp_path / "checkpoints/best.ckpt", weights_only=True)
    assert not torch.equal(saved["state_dict"]["network.3.weight"], saved["current_model_state"]["network.3.weight"])
    assert torch.equal(model.state_dict()["network.3.weight"], saved["state_dict"]["network.3.weight"])


class AdaptInSecondEpoch(Callback):
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 1 and not pl_module.operations:
            pl_module.operate("add_lora", targets=["0"], rank=2, alpha=4.0)


def changed_midway(*callbacks: Callback, ckpt_path: str | None = None) -> TinyModel:
    torch.manual_seed(3)
    model = TinyModel(lr=0.05)
    uncopiable = (value for value in "a copy fails")
    model.loss_transforms["attack"] = partial(lambda _, batch, logits, loss: loss, uncopiable)
    each = ModelCheckpoint("each", "{epoch}", save_top_k=-1, monitor=None, every_n_epochs=1)
    trainer = tiny_trainer(*callbacks, each, max_epochs=3, enable_checkpointing=True)
    trainer.fit(model, TinyData(), ckpt_path=ckpt_path, weights_only=True)
    return model


@pytest.mark.filterwarnings("ignore:Checkpoint directory")
def test_an_average_of_a_network_that_changes_midway_resumes() -> None:
    whole = changed_midway(average(), AdaptInSecondEpoch()).state_dict()
    assert whole["network.0.lora_B.default.weight"].any()
    for order in (average(), AdaptInSecondEpoch()), (AdaptInSecondEpoch(), average()):
        resumed = changed_midway(*order, ckpt_path="each/epoch=1.ckpt").state_dict()
        assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def saved(path: str) -> dict[str, Any]:
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


def assert_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("number", SENT)
def test_a_signal_in_a_validation_saves_the_average_as_the_average(number: int) -> None:
    each_step = ModelCheckpoint("each", "{step}", save_top_k=-1, every_n_train_steps=1)
    with pytest.raises(SystemExit):
        fit(average(), each_step, Send("on_validation_batch_start", 2, number), SaveLast())
    interrupted, before = saved("checkpoints/last.ckpt"), saved("each/step=5.ckpt")  # of the same step
    for weights in ("state_dict", "current_model_state"):
        assert_equal(interrupted[weights], before[weights])
    assert not torch.equal(before["state_dict"]["network.0.weight"], before["current_model_state"]["network.0.weight"])


def test_a_save_on_an_exception_in_a_validation_is_the_right_way_round() -> None:
    class Fail(Callback):
        def on_validation_batch_end(self, *_: Any) -> None:
            raise RuntimeError("out of luck")

    each_step = ModelCheckpoint("each", "{step}", save_top_k=-1, every_n_train_steps=1)
    failed = ModelCheckpoint("failed", "failed", save_on_exception=True, every_n_train_steps=100)
    with pytest.raises(RuntimeError, match="out of luck"):
        fit(average(), each_step, failed, Fail())
    assert_equal(saved("failed/failed.ckpt")["state_dict"], saved("each/step=5.ckpt")["state_dict"])


def test_where_only_weights_are_saved_they_are_the_average() -> None:
    only = ModelCheckpoint("only", "{step}", save_top_k=-1, every_n_train_steps=1, save_weights_only=True)
    whole = ModelCheckpoint("whole", "{step}", save_top_k=-1, every_n_train_steps=5)
    fit(average(), only, whole, epochs=1)
    assert_equal(saved("only/step=5.ckpt")["state_dict"], saved("whole/step=5.ckpt")["state_dict"])


def test_two_averages_are_refused() -> None:
    with pytest.raises(ValueError, match="has EMAWeightAveraging and WeightAveraging, of which a run can have one"):
        fitted(average(), WeightAveraging())


def test_an_average_that_cannot_be_resumed_is_refused_and_the_one_that_can_is_named() -> None:
    with pytest.raises(ValueError, match=r"take Lightning's WeightAveraging, which keeps the same average$"):
        fitted(StochasticWeightAveraging(swa_lrs=0.01))
