import shutil
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer

from tests.tiny_task import TinyData, TinyDataset, TinyModel, fit, tiny_trainer


class Record(Callback):
    """Learning rate of each batch, and gradient norm of each optimizer step but the last, after clipping."""

    def __init__(self) -> None:
        self.norms: list[float] = []
        self.rates: list[float] = []

    def on_before_zero_grad(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        if gradients:
            self.norms.append(float(torch.cat([g.flatten() for g in gradients]).norm()))

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.02), ("adam", 0.02), ("adamw", 0.02), ("rmsprop", 0.002)])
def test_training_lowers_the_loss(optimizer: str, lr: float) -> None:
    model, data = TinyModel(optimizer=optimizer, lr=lr), TinyData()
    before = F.nll_loss(model.probabilities(data).log(), data.dataset.labels)
    fit(model, max_epochs=20)
    assert F.nll_loss(model.probabilities(data).log(), data.dataset.labels) < 0.9 * before


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_are_clipped_under_the_fused_optimizer(precision: Any) -> None:
    free, clipped = Record(), Record()
    fit(TinyModel(), free, precision=precision)
    trainer = fit(TinyModel(), clipped, precision=precision, gradient_clip_val=0.05)
    assert trainer.optimizers[0].defaults["fused"]
    assert min(free.norms) > 0.06
    assert max(clipped.norms) == pytest.approx(0.05, rel=1e-2)


def test_clipping_by_value_bounds_each_gradient() -> None:
    record, model = Record(), TinyModel()
    fit(model, record, gradient_clip_val=1e-4, gradient_clip_algorithm="value", precision="bf16-mixed")
    entries = sum(p.numel() for p in model.parameters())
    assert 0 < max(record.norms) <= 1e-4 * entries**0.5


def test_accumulation_makes_fewer_steps_and_the_schedule_knows() -> None:
    record = Record()
    trainer = fit(TinyModel(schedule="linear", warmup_fraction=0.0, lr=1.0), record, accumulate_grad_batches=5)
    assert trainer.global_step == 2
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0)


def test_the_schedule_spans_the_whole_run() -> None:
    record = Record()
    trainer = fit(TinyModel(schedule="one-cycle", warmup_fraction=0.2, lr=0.5), record, max_epochs=4)
    assert trainer.global_step == 20
    assert max(record.rates) == 0.5
    assert record.rates.index(0.5) == 4
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0)


def test_label_smoothing_enters_what_training_lowers() -> None:
    batch = TinyDataset(8).__getitems__(list(range(8)))
    plain, smooth = TinyModel(), TinyModel(label_smoothing=0.2)
    logits = TinyModel()(*batch.inputs)
    assert plain.training_step(batch, 0) == F.cross_entropy(logits, batch.label)
    assert smooth.training_step(batch, 0) == F.cross_entropy(logits, batch.label, label_smoothing=0.2)


def test_predictions_are_probabilities() -> None:
    parts: Any = tiny_trainer().predict(TinyModel(), TinyData())
    probabilities = torch.cat(parts)
    assert probabilities.shape == (40, 3)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(40))


@pytest.mark.parametrize(
    "recipe",
    [{"lr": 0.0}, {"weight_decay": -1.0}, {"momentum": 1.0}, {"warmup_fraction": -0.1}, {"label_smoothing": 1}],
)
def test_a_value_out_of_range_is_named(recipe: dict[str, float]) -> None:
    name, value = next(iter(recipe.items()))
    with pytest.raises(ValueError, match=rf"model\.{name}={value}"):
        TinyModel(**recipe)


def test_compiling_leaves_the_names_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda module: compiled.append(module))
    model = TinyModel(compile=True)
    names = list(model.state_dict())
    tiny_trainer(max_epochs=1).fit(model, TinyData())
    assert compiled == [model.network]
    assert list(model.state_dict()) == names
    tiny_trainer(max_epochs=1).fit(TinyModel(), TinyData())
    assert len(compiled) == 1


@pytest.mark.slow  # the first compilation takes ten seconds
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler, and there is no g++")
def test_a_compiled_training_is_the_plain_one_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    from torch._dynamo.utils import counters  # which takes seconds to import

    torch.compiler.reset()
    counters.clear()
    # AdamW would blow up the rounding in the gradient of a bias before a norm, which is 0.
    recipe: dict[str, Any] = {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", "warmup_fraction": 0.0}
    plain, compiled, resumed = (TinyModel(compile=compiles, **recipe) for compiles in (False, True, True))
    fit(plain)
    fit(compiled, max_epochs=1).save_checkpoint("half.ckpt")
    assert counters["stats"]["unique_graphs"] >= 1
    assert not any("_orig_mod" in name for name in torch.load("half.ckpt", weights_only=True)["state_dict"])
    trainer = tiny_trainer(max_epochs=2, num_sanity_val_steps=0)
    trainer.fit(resumed, TinyData(), ckpt_path="half.ckpt", weights_only=True)
    assert trainer.global_step == 10
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(resumed.probabilities(TinyData()), plain.probabilities(TinyData()), rtol=1e-4, atol=1e-5)


def test_what_batch_and_loss_go_through_follows_the_stages_whoever_came_first() -> None:
    model, data = TinyModel(), TinyData()
    batch = next(iter(data.train_dataloader()))
    plain = model.training_step(batch, 0)
    model.loss_transforms["attack"] = lambda batch, logits, loss: loss + 1
    model.loss_transforms["distill"] = lambda batch, logits, loss: loss * 2
    assert torch.equal(model.training_step(batch, 0), plain * 2 + 1)
    model.loss_transforms.clear()
    model.batch_transforms["mix"] = lambda batch: batch._replace(points=batch.points + 1)
    model.batch_transforms["augment"] = lambda batch: batch._replace(points=batch.points * 0)
    ones = batch._replace(points=torch.ones_like(batch.points))
    assert torch.equal(model.training_step(batch, 0), TinyModel().training_step(ones, 0))


def test_a_batch_may_carry_probabilities_for_labels() -> None:
    model, batch = TinyModel(label_smoothing=0.1), next(iter(TinyData().train_dataloader()))
    model.batch_transforms["mix"] = lambda batch: batch._replace(label=F.one_hot(batch.label, 3).float())
    torch.testing.assert_close(
        model.training_step(batch, 0), TinyModel(label_smoothing=0.1).training_step(batch, 0), rtol=1e-6, atol=0
    )


class FreezeLater(Callback):
    """Freezes the first layer, which trains from the second epoch on."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        pl_module.get_submodule("network.0").requires_grad_(False)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 1:
            pl_module.get_submodule("network.0").requires_grad_(True)
            assert isinstance(pl_module, TinyModel)
            pl_module.sync_optimizer()


def test_a_parameter_that_comes_to_train_joins_the_optimizer_and_its_schedule() -> None:
    untouched = TinyModel().get_parameter("network.0.weight")
    model = TinyModel()
    fit(model, FreezeLater(), max_epochs=1)
    assert torch.equal(model.get_parameter("network.0.weight"), untouched)
    model = TinyModel()
    trainer = fit(model, FreezeLater())
    assert not torch.equal(model.get_parameter("network.0.weight"), untouched)
    steps = {name: int(trainer.optimizers[0].state[p]["step"]) for name, p in model.named_parameters()}
    assert steps == {name: 5 if name.startswith("network.0") else 10 for name in steps}
    assert len({group["lr"] for group in trainer.optimizers[0].param_groups}) == 1


def test_a_copy_takes_nothing_along_that_changes_training() -> None:
    model = TinyModel()
    model.batch_transforms["mix"] = partial(lambda _, batch: batch, iter([]))
    model.loss_transforms["attack"] = partial(lambda _, batch, logits, loss: loss, (value for value in "a copy fails"))
    copy = deepcopy(model)
    assert not copy.batch_transforms
    assert not copy.loss_transforms
    assert (list(model.batch_transforms), list(model.loss_transforms)) == (["mix"], ["attack"])
