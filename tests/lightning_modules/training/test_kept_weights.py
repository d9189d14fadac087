from __future__ import annotations

import torch
from lightning.pytorch import Callback, Trainer

from lightning_modules.training.kept_weights import Kept
from tests.tiny_task import TinyModel, trained


class AtEpoch1(Callback):
    """Keeps a copy at the start of the second epoch; the model is trained on after it."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: TinyModel) -> None:  # type: ignore[override]
        if trainer.current_epoch == 1:
            self.kept = Kept.everything(trainer, pl_module)
            self.trainer, self.weights = trainer, {n: p.detach().clone() for n, p in pl_module.named_parameters()}
            self.momenta = [state["momentum_buffer"].clone() for state in trainer.optimizers[0].state.values()]


def kept_and_trained_on() -> tuple[AtEpoch1, TinyModel]:
    look = AtEpoch1()
    return look, trained(look, model=TinyModel(optimizer="sgd"))


def test_weights_buffers_and_the_optimizers_state_come_back() -> None:
    look, model = kept_and_trained_on()
    assert not torch.equal(model.get_parameter("network.0.weight"), look.weights["network.0.weight"])
    assert look.kept.restore(look.trainer, model)
    assert all(torch.equal(value, look.weights[name]) for name, value in model.named_parameters())
    now = [state["momentum_buffer"] for state in look.trainer.optimizers[0].state.values()]
    assert all(map(torch.equal, now, look.momenta))
    assert int(model.get_buffer("network.1.num_batches_tracked")) == 5


def test_what_was_edited_since_stays_but_for_buffers_with_a_nan() -> None:
    look, model = kept_and_trained_on()
    model.edits += 1
    edited = model.get_parameter("network.0.weight").detach().clone()
    model.get_buffer("network.1.running_mean")[0] = torch.nan
    assert look.kept.outdated(look.trainer, model)
    assert not look.kept.restore(look.trainer, model)
    assert torch.equal(model.get_parameter("network.0.weight"), edited)
    assert torch.equal(model.get_buffer("network.1.running_mean"), look.kept.tensors["network.1.running_mean"])


def test_a_copy_is_outdated_once_other_parameters_train() -> None:
    look, model = kept_and_trained_on()
    assert not look.kept.outdated(look.trainer, model)
    model.get_submodule("network.0").requires_grad_(False)
    model.sync_optimizer()
    assert look.kept.outdated(look.trainer, model)
