from datetime import timedelta

import torch
from lightning.pytorch.callbacks import EarlyStopping, Timer

from lightning_modules.training.stop_reasons import stop_reasons
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def reasons(callback: EarlyStopping | Timer, epochs: int = 3) -> list[str]:
    trainer = tiny_trainer(callback, max_epochs=epochs)
    trainer.fit(TinyModel(lr=1e-20), TinyData())
    return list(stop_reasons(trainer))


def test_patience_that_is_over_names_the_metric_and_its_best() -> None:
    (reason,) = reasons(EarlyStopping("val/loss", patience=1))
    assert reason.startswith("EarlyStopping: val/loss did not improve 1 times in a row (patience=1, best ")


def test_a_threshold_says_what_lightning_says_of_it() -> None:
    (reason,) = reasons(EarlyStopping("val/loss", stopping_threshold=100.0))
    assert reason.startswith("EarlyStopping: ")
    assert "threshold" in reason
    assert "Signaling Trainer" not in reason


def test_time_that_is_over_names_the_limit() -> None:
    assert reasons(Timer(timedelta(0))) == ["trainer.max_time=0:00:00 is over"]


def test_what_has_not_ended_gives_no_reason() -> None:
    assert reasons(EarlyStopping("val/loss", patience=9)) == []
    assert reasons(Timer(timedelta(hours=1))) == []


def test_asking_does_not_count_as_another_validation() -> None:
    stopping = EarlyStopping("val/loss", stopping_threshold=100.0)
    first, waited = reasons(stopping), stopping.wait_count
    trainer = tiny_trainer(stopping)
    trainer.callback_metrics["val/loss"] = torch.tensor(1.0)
    assert first
    list(stop_reasons(trainer))
    assert stopping.wait_count == waited
