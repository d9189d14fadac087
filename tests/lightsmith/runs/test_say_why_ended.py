from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer

from callbacks.save_last import SaveLast
from lightsmith.runs.exact_resume import ExactResume
from lightsmith.runs.say_why_ended import SayWhyEnded
from tests.killed_training import assert_same, trained
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

LAST = "checkpoints/last.ckpt"


class StopAt(Callback):
    """Asks for the end at a batch, of five an epoch, without saying why."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.should_stop or trainer.fit_loop.total_batch_idx + 1 == self.batch


def fit(*callbacks: Callback, resumed: bool = False, **options: Any) -> Trainer:
    options = {"max_epochs": 6, "num_sanity_val_steps": 0, "enable_checkpointing": True, **options}
    trainer = tiny_trainer(SayWhyEnded(), *callbacks, SaveLast(saving_share=1), ExactResume(), **options)
    recipe: dict[str, Any] = {"schedule": "constant", "warmup_fraction": 0.0}
    trainer.fit(TinyModel(**recipe), TinyData(), ckpt_path=LAST if resumed else None, weights_only=True)
    return trainer


def impatient(patience: int) -> EarlyStopping:
    return EarlyStopping("val/loss", min_delta=100, patience=patience)


def test_early_stopping_is_named_and_goes_on_with_more_patience(capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(impatient(2)).current_epoch == 3
    why = r"EarlyStopping: val/loss did not improve 2 times in a row \(patience=2, best [\d.]+\), in epoch 3 of 6, "
    assert re.search(f"ended early: {why}at step 15\n", capsys.readouterr().out)
    assert fit(impatient(2), resumed=True).global_step == 15
    assert re.search(f"nothing to train: {why}at step 15\n", capsys.readouterr().out)
    assert fit(impatient(4), resumed=True).current_epoch == 5
    assert "4 times in a row (patience=4" in capsys.readouterr().out
    assert fit(impatient(9), resumed=True).current_epoch == 6
    assert capsys.readouterr().out == ""


def test_less_patience_counts_too() -> None:
    fit(impatient(9), max_epochs=3)
    assert fit(impatient(3), resumed=True).current_epoch == 4


@pytest.mark.parametrize(
    "threshold", [{"stopping_threshold": 100.0}, {"divergence_threshold": 0.0}], ids=lambda given: next(iter(given))
)
def test_a_threshold_that_holds_no_longer_stops_nothing(
    threshold: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(EarlyStopping("val/loss", **threshold)).current_epoch == 1
    assert "threshold reached: val/loss = " in capsys.readouterr().out
    assert fit(EarlyStopping("val/loss", **threshold), resumed=True).current_epoch == 1
    assert fit(EarlyStopping("val/loss", patience=9), resumed=True).current_epoch == 6


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")  # which is about that callback
def test_without_the_callback_that_stopped_it_a_run_goes_on() -> None:
    fit(impatient(1))
    assert fit(resumed=True).current_epoch == 6


class OverAt(Timer):
    """A limit of a minute that is over at a batch, of four an epoch."""

    def __init__(self, batch: int | None, minutes: int = 1) -> None:
        super().__init__(timedelta(minutes=minutes))
        self.batch, self.over = batch, False

    def time_elapsed(self, stage: str = "train") -> float:
        return 60.0 if self.over else 0.0

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.over = True

    def on_train_batch_end(self, trainer: Trainer, *arguments: Any, **options: Any) -> None:
        self.over = self.over or trainer.fit_loop.total_batch_idx + 1 == self.batch
        super().on_train_batch_end(trainer, *arguments, **options)


def test_a_run_out_of_time_goes_on_with_its_next_batch_when_given_more(capsys: pytest.CaptureFixture[str]) -> None:
    def end(timer: Timer, ckpt_path: str | None = None) -> dict[str, Any]:
        return trained(timer, SaveLast(), ckpt_path=ckpt_path)

    whole = end(OverAt(None))
    assert capsys.readouterr().out == ""
    assert end(OverAt(7))["global_step"] == 7
    assert "ended early: trainer.max_time=0:01:00 is over, in epoch 2 of 3, at step 7\n" in capsys.readouterr().out
    assert end(OverAt(None), LAST)["global_step"] == 7
    assert "nothing to train: trainer.max_time=0:01:00 is over" in capsys.readouterr().out
    assert_same(end(OverAt(None, minutes=9), LAST)["state_dict"], whole["state_dict"])
    assert capsys.readouterr().out == ""


def test_more_steps_go_on_within_the_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = {"schedule": "constant"}
    whole = trained(recipe=recipe)
    trained(SaveLast(), recipe=recipe, max_steps=7)
    assert "ended early: trainer.max_steps=7 reached, in epoch 2 of 3, at step 7\n" in capsys.readouterr().out
    assert_same(trained(recipe=recipe, ckpt_path=LAST)["state_dict"], whole["state_dict"])


def test_a_stop_that_nobody_explains_is_one_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(StopAt(10)).current_epoch == 2
    assert "ended early: a callback asked for it, in epoch 2 of 6, at step 10\n" in capsys.readouterr().out
    assert fit(resumed=True).current_epoch == 2
    assert "nothing to train: a callback asked for it" in capsys.readouterr().out


def test_a_finished_run_says_that_nothing_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    fit(max_epochs=2)
    assert capsys.readouterr().out == ""
    fit(max_epochs=2, resumed=True)
    assert capsys.readouterr().out.startswith("nothing to train: all 2 epochs are done; --trainer.max_epochs=")
    assert fit(max_epochs=3, resumed=True).global_step == 15
    assert capsys.readouterr().out == ""
