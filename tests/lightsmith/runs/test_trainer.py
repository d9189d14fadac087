from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.profilers import SimpleProfiler

from lightsmith.runs.trainer import ExperimentTrainer, NoProfiler
from tests.tiny_task import TinyData, TinyModel


def test_run_tests_the_best_checkpoint_rather_than_the_last_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested: list[Any] = []
    original = ExperimentTrainer.test

    def test(self: ExperimentTrainer, *arguments: Any, **options: Any) -> Any:
        tested.append(options["ckpt_path"])
        return original(self, *arguments, **options)

    monkeypatch.setattr(ExperimentTrainer, "test", test)
    best = ModelCheckpoint(tmp_path, filename="best", monitor="val/accuracy", mode="max")
    quiet: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    last = ModelCheckpoint(tmp_path, filename="last")
    trainer = ExperimentTrainer(callbacks=[last, best], logger=False, max_epochs=2, log_every_n_steps=1, **quiet)
    trainer.run(TinyModel(), TinyData())
    assert tested == [str(tmp_path / "best.ckpt")]
    assert trainer.callback_metrics["test/accuracy"] == best.best_model_score  # the splits of TinyData are the same


def test_a_profiler_that_is_asked_for_is_used() -> None:
    quiet: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    assert type(ExperimentTrainer(logger=False, profiler="simple", **quiet).profiler) is SimpleProfiler
    assert type(ExperimentTrainer(logger=False, **quiet).profiler) is NoProfiler
