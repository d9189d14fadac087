from __future__ import annotations

from typing import Any

import pytest
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from lightsmith.studies.tuning.copied_fit import TunedCLI
from lightsmith.studies.tuning.curve import ladder
from lightsmith.studies.tuning.range_test import RaiseRate, run_range_test
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


class Note(Callback):
    """Notes the rates of the groups that each step is made with."""

    def __init__(self) -> None:
        self.rates: list[list[float]] = []
        self.losses: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self.rates.append([group["lr"] for group in optimizer.param_groups])

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        self.losses.append(float(outputs["loss"]))


def raised(rates: list[float], scales: dict[str, float], **recipe: Any) -> tuple[RaiseRate, Note]:
    model = TinyModel(lr=0.01, **recipe)
    model.lr_scales = scales
    test, note = RaiseRate(rates, [("model.lr", 0.01), ("model.momentum", 0.9)]), Note()
    tiny_trainer(test, note, max_epochs=3).fit(model, TinyData())
    return test, note


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_each_step_has_the_next_rate_whatever_the_schedule_says(optimizer: str, schedule: str) -> None:
    rates = ladder(1e-4, 1e-1, 12)
    test, note = raised(rates, {}, optimizer=optimizer, schedule=schedule)
    assert [step[0] for step in note.rates] == pytest.approx(rates)
    assert test.curve.rates == rates
    assert test.option.key == "model.lr"
    assert len(test.curve.losses) == 12, "of the 15 steps that there are"


def test_groups_keep_the_proportion_of_their_rates() -> None:
    rates = ladder(1e-4, 1e-1, 5)
    test, note = raised(rates, {"network.0*": 0.25, "network.1*": 0.5})
    groups = sorted(test.group_rates, reverse=True)
    assert max(groups) == pytest.approx(0.01)
    assert min(groups) == pytest.approx(0.0025)
    for rate, step in zip(rates, note.rates, strict=True):
        assert sorted(step, reverse=True) == pytest.approx([group / 0.01 * rate for group in groups])


def test_a_step_of_several_batches_is_one_point_with_their_mean_loss() -> None:
    test, note = RaiseRate(ladder(1e-4, 1e-3, 4), [("model.lr", 0.01)]), Note()
    trainer = tiny_trainer(test, note, max_epochs=4, accumulate_grad_batches=2)
    trainer.fit(TinyModel(lr=0.01, optimizer="sgd"), TinyData(48))  # 6 batches
    assert len(note.rates) == 4
    pairs = [sum(note.losses[n : n + 2]) for n in range(0, 8, 2)]  # each is halved by Lightning
    assert test.curve.losses == pytest.approx(pairs)


def test_a_loss_that_diverges_ends_the_test(built: TunedCLI) -> None:
    test = run_range_test(built, ladder(1e-4, 1e6, 60))
    assert test.curve.diverged
    assert 10 < len(test.curve.losses) < 50
    assert (test.option.key, test.option.value, test.optimizer) == ("model.lr", 0.003, "AdamW")
    assert test.curve.suggestions is not None
    assert 1e-4 < test.curve.suggestions.steepest < 1
