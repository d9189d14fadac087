import time
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from callbacks.measure_fit import MeasureFit, peak_memory_bytes
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


class Pause(Callback):
    """Half a second before training, 0.1 s in each epoch's validation."""

    def setup(self, *_: Any, **__: Any) -> None:
        time.sleep(0.5)

    def on_validation_start(self, *_: Any) -> None:
        time.sleep(0.1)


def test_seconds_include_validation_but_not_what_precedes_training() -> None:
    measured = MeasureFit()
    started = time.perf_counter()
    tiny_trainer(measured, Pause(), max_epochs=2, num_sanity_val_steps=0).fit(TinyModel(), TinyData())
    assert 0.2 < measured.seconds < time.perf_counter() - started - 0.5
    seconds = measured.seconds
    time.sleep(0.05)
    assert measured.state_dict()["seconds"] == seconds  # the clock has stopped


def test_samples_are_counted_as_trained_on() -> None:
    measured = MeasureFit()
    tiny_trainer(measured, max_epochs=2).fit(TinyModel(), TinyData(size=37))
    assert measured.samples == 2 * 37


def test_a_resumed_fit_adds_to_the_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = MeasureFit(), MeasureFit()
    trainer = tiny_trainer(first, max_epochs=1)
    trainer.fit(TinyModel(), TinyData())
    first.seconds = 100.0
    trainer.save_checkpoint("one.ckpt")
    tiny_trainer(second, max_epochs=3).fit(TinyModel(), TinyData(), ckpt_path="one.ckpt")
    assert second.samples == 3 * len(TinyData().dataset)
    assert 100.0 < second.seconds < 150.0


def test_testing_an_earlier_checkpoint_leaves_the_figures_of_the_fit() -> None:
    measured = MeasureFit()
    trainer = tiny_trainer(measured, max_epochs=1)
    model, data = TinyModel(), TinyData()
    trainer.fit(model, data)
    trainer.save_checkpoint("one.ckpt")
    measured.samples += 1
    trainer.test(model, data, ckpt_path="one.ckpt", verbose=False)
    assert measured.samples == len(data.dataset) + 1


def test_each_validation_logs_the_seconds_so_far_and_the_first_step_is_timed() -> None:
    seen: list[float] = []

    class Look(Callback):
        def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
            seen.append(float(trainer.callback_metrics["fit/seconds"]))

    measured = MeasureFit()
    trainer = tiny_trainer(measured, Look(), Pause(), max_epochs=2, num_sanity_val_steps=0)
    trainer.fit(TinyModel(), TinyData())
    assert 0 < measured.first_step_seconds < 0.1 < seen[0] < seen[1] - 0.1 < seen[1] <= measured.seconds
    trainer.validate(TinyModel(), TinyData(), verbose=False)
    assert "fit/seconds" not in trainer.callback_metrics


def test_the_peak_memory_of_a_fit_is_that_of_the_process_with_most(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = MeasureFit()
    trainer = tiny_trainer(measured, max_epochs=1)

    def most_of_two(own: torch.Tensor, reduce_op: str) -> torch.Tensor:
        return getattr(torch.stack([own, own + 2**33]), reduce_op)()

    monkeypatch.setattr(trainer.strategy, "reduce", most_of_two)
    trainer.fit(TinyModel(), TinyData())
    assert peak_memory_bytes() - 1e9 < measured.peak_memory_bytes - 2**33 <= peak_memory_bytes()


def test_peak_memory_is_that_of_this_process_in_bytes() -> None:
    assert 50e6 < peak_memory_bytes() < 1e12
