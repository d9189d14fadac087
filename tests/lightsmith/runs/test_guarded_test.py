import json
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback

from callbacks.guard_numerics import NonFiniteError
from callbacks.log_confusion_matrix import LogConfusionMatrix
from lightsmith.runs.guarded_test import HOOKS, guard_test
from tests.conftest import Cli
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


class Failing(Callback):
    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def on_test_batch_end(self, *_: Any) -> None:
        self.calls += 1
        raise self.error


def test_a_callback_that_fails_is_left_out_and_the_metrics_are_there() -> None:
    failing, counting = Failing(KeyError("x")), LogConfusionMatrix()
    trainer = tiny_trainer(failing, counting)
    with guard_test(trainer) as failures:
        trainer.test(TinyModel(), TinyData(), verbose=False)
    assert failures == ["Failing failed in the test: 'x'"]
    assert failing.calls == 1
    assert int(counting.counts.sum()) == len(TinyData().dataset)
    assert "test/accuracy" in trainer.callback_metrics
    assert not [name for callback in (failing, counting) for name in vars(callback) if name in HOOKS]


@pytest.mark.parametrize("error", [NonFiniteError("nan"), MemoryError()])
def test_what_the_run_itself_answers_still_ends_the_test(error: Exception) -> None:
    trainer = tiny_trainer(Failing(error))
    with pytest.raises(type(error)), guard_test(trainer):
        trainer.test(TinyModel(), TinyData(), verbose=False)


def test_a_run_whose_callback_fails_in_the_test_has_its_results_and_ends_with_one_line(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("no such class")

    monkeypatch.setattr(LogConfusionMatrix, "on_test_epoch_end", fail)
    outcome = experiment("mnist_mlp", "--data.train_size=100", "--trainer.max_epochs=1", "--loggers=[csv]")
    assert (outcome.code, outcome.err) == (1, "LogConfusionMatrix failed in the test: no such class\n")
    results = json.loads((tmp_path / "runs" / "mnist_mlp" / "latest" / "results.json").read_text())
    assert 0 < results["test"]["accuracy"] <= 1
