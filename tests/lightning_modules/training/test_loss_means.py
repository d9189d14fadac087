"""A mean over items is the same however they were cut into batches, and however often it was asked for or saved."""

import pytest
import torch

from lightning_modules.training.loss_means import MeanOverItems, TrainingLoss
from tests.tiny_task import TinyBatch, TinyData, TinyModel, tiny_trainer

LOSSES, SIZES = torch.tensor([1.0, 2.0, 4.0, 8.0]), (3, 3, 3, 1)


def added(*batches: int, loss: TrainingLoss | None = None) -> TrainingLoss:
    loss = loss or TrainingLoss()
    for batch in batches:
        loss.add(LOSSES[batch], SIZES[batch])
    return loss


def mean(*batches: int) -> float:
    return float(sum(LOSSES[i] * SIZES[i] for i in batches) / sum(SIZES[i] for i in batches))


def test_an_epoch_is_weighed_by_items_whatever_was_asked_for_in_between() -> None:
    loss = added(0, 1)
    assert loss.recent_mean() == mean(0, 1)
    assert loss.recent_mean() is None
    added(2, 3, loss=loss)
    assert loss.recent_mean() == mean(2, 3)
    assert loss.epoch_mean() == pytest.approx(mean(0, 1, 2, 3))
    assert loss.items == 10
    loss.reset()
    assert added(3, loss=loss).epoch_mean() == 8


@pytest.mark.parametrize("asked", [False, True])
def test_it_goes_on_from_its_state(asked: bool) -> None:
    loss, resumed = added(0, 1), TrainingLoss()
    if asked:
        loss.recent_mean()
    added(2, loss=loss)
    resumed.restore(loss.state())
    for each in (loss, resumed):
        added(3, loss=each)
    assert loss.state() == resumed.state()
    assert torch.equal(loss.epoch_mean(), resumed.epoch_mean())


def test_what_is_not_finite_counts_only_where_its_step_is_made() -> None:
    for skips in (False, True):
        loss = added(0, 1)
        loss.skips_nonfinite = skips
        loss.add(torch.tensor(torch.nan), 3)
        loss.add(torch.tensor(torch.inf), 2)
        resumed = TrainingLoss()
        resumed.restore(loss.state())
        resumed.skips_nonfinite = skips
        for each in (loss, resumed):
            recent = each.recent_mean()
            added(2, loss=each)
            assert recent is not None
            assert float(recent) == mean(0, 1) if skips else recent.isnan()
            assert float(each.epoch_mean()) == pytest.approx(mean(0, 1, 2)) if skips else each.epoch_mean().isnan()


def test_a_state_is_a_copy() -> None:
    loss = added(0)
    state = loss.state()
    added(1, loss=loss)
    assert state["sizes"] == [3]


def test_a_metric_counts_every_item_and_hides_no_nan() -> None:
    metric = MeanOverItems()
    for loss, items in zip(LOSSES, SIZES, strict=True):
        metric.update(loss, items)
    assert float(metric.compute()) == pytest.approx(mean(0, 1, 2, 3))
    assert metric.n == 10
    metric.update(torch.tensor(torch.nan), 2)
    assert metric.compute().isnan()
    assert metric.n == 12


def test_an_epoch_that_a_limit_of_steps_cut_in_two_goes_on_with_the_losses_of_its_first_part() -> None:
    model = TinyModel()
    trainer = tiny_trainer(max_steps=7)  # of 5 an epoch, with 8 items each
    trainer.fit(model, TinyData())
    trainer.save_checkpoint("cut.ckpt")
    (state,) = torch.load("cut.ckpt", weights_only=True)["lightsmith"]["training_loss"]
    assert state["items"] == 16
    resumed = TrainingLoss()
    resumed.restore(state)
    assert torch.equal(resumed.epoch_mean(), trainer.callback_metrics["train/loss"])


def test_an_epoch_that_begins_anew_has_nothing_of_one_that_was_cut() -> None:
    model, seen = TinyModel(), []

    def look(batch: TinyBatch, logits: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
        seen.append(model._training_loss.items)
        return loss

    tiny_trainer(max_steps=2).fit(model, TinyData())
    model.loss_transforms["attack"] = look
    tiny_trainer(max_epochs=1).fit(model, TinyData())
    assert seen == [8, 16, 24, 32, 40]
