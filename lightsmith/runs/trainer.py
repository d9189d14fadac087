"""Lightning's Trainer with one more verb: ``run``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.profilers import PassThroughProfiler, Profiler
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.save_last import SaveLast
from lightning_modules.training.trainer_state import end_averaging
from lightsmith.checkpoints.durable import DurableCheckpointIO
from lightsmith.checkpoints.rebuild import load_run
from lightsmith.launch.slurm import keep_lightning_from_requeueing
from lightsmith.launch.torchrun import meet_again
from lightsmith.predictions.file import free_path, writable_home
from lightsmith.records.keep_test_predictions import KeepTestPredictions
from lightsmith.run_folder import BEST_CHECKPOINT, PREDICTIONS
from lightsmith.runs.exact_resume import ExactResume
from lightsmith.runs.guarded_test import guard_test
from lightsmith.runs.keep_best import KeepBest
from lightsmith.runs.loops.final_validation import end_with_validation
from lightsmith.runs.say_why_ended import SayWhyEnded

NOTHING = nullcontext("")


class NoProfiler(PassThroughProfiler):
    """A profiler that measures nothing, at no cost: Lightning enters a profiler's context some sixty times a step."""

    measures_nothing = True

    def profile(self, action_name: str) -> nullcontext[str]:  # type: ignore[override]  # a generator there
        return NOTHING


class ExperimentTrainer(Trainer):
    """A Trainer that can do a whole experiment."""

    # Set by Lightning's connectors, where no type checker sees them.
    callbacks: list[Callback]
    datamodule: Any
    fast_dev_run: bool | int
    profiler: Profiler
    check_val_every_n_epoch: int | None
    limit_val_batches: int | float

    load_run = staticmethod(load_run)  # for callbacks, which import no commands

    def __init__(self, *args: Any, **options: Any) -> None:
        _check_checkpoints(options.get("callbacks"))
        super().__init__(*args, **options)
        self.failures: list[str] = []  # of callbacks, in the test
        if isinstance(self.profiler, PassThroughProfiler):
            self.profiler = NoProfiler()
        end_with_validation(self)
        self.keep_best = KeepBest()
        self.callbacks = [self.keep_best, SayWhyEnded(), *self.callbacks]
        self.callbacks.sort(key=lambda callback: isinstance(callback, SaveLast))  # what others keep is known by then
        self.callbacks.append(ExactResume())  # last, when the others have drawn what they draw at the start
        if type(self.strategy.checkpoint_io) is TorchCheckpointIO:  # not one that was asked for
            self.strategy.checkpoint_io = DurableCheckpointIO(beside=self._fits_alone)
        keep_lightning_from_requeueing(self._accelerator_connector.cluster_environment)
        meet_again(self.strategy.root_device)

    def _fits_alone(self) -> bool:
        return self.state.fn == TrainerFn.FITTING and self.state.status == "running" and self.world_size == 1

    def run(self, model: LightningModule, datamodule: LightningDataModule, ckpt_path: str | None = None) -> None:
        """Fit, test the best checkpoint, write the results.

        Args:
            model: the task.
            datamodule: its data.
            ckpt_path: a checkpoint to continue from.
        """
        self.fit(model, datamodule=datamodule, ckpt_path=ckpt_path, weights_only=True)
        end_averaging(self)
        # A fast_dev_run keeps no checkpoint: it tests the weights as they are.
        best = best_checkpoint(self.callbacks)
        if best and best.dirpath and not best.best_model_path and not self.fast_dev_run:
            # No validation since the network was changed for good, or none at all: the last is the best that there is.
            best.best_model_path = str(Path(best.dirpath) / BEST_CHECKPOINT.name)
            self.save_checkpoint(best.best_model_path)
        path = best.best_model_path if best else None
        if not self.fast_dev_run:
            folder = self.keep_best.run_folder  # of the first of several processes
            self.callbacks.append(KeepTestPredictions(folder and folder / PREDICTIONS))
        with guard_test(self) as self.failures:
            self.test(model, datamodule=datamodule, ckpt_path=path, verbose=False, weights_only=True)

    def predict(self, *args: Any, **options: Any) -> Any:
        """Predict as Lightning does, and write the predictions into a file in the folder of the checkpoint's run."""
        if options.get("ckpt_path") and not self.fast_dev_run:
            advice = ", where the predictions would go: copy the run elsewhere"
            folder = writable_home(Path(options["ckpt_path"]), advice) / PREDICTIONS.parent
            output = free_path(folder, PREDICTIONS.stem, PREDICTIONS.suffix) if self.is_global_zero else None
            self.callbacks.append(KeepTestPredictions(output, says_so=True))
        return super().predict(*args, **options)


def _check_checkpoints(callbacks: Callback | Sequence[Callback] | None) -> None:
    """Refuse ModelCheckpoints that would write over another's file, or whose states could not be told apart.

    Raises:
        ValueError: naming what is in the way.
    """
    given = callbacks if isinstance(callbacks, Sequence) else []
    keeping = [callback for callback in given if isinstance(callback, ModelCheckpoint)]
    states = [callback.state_key for callback in keeping]
    for callback in keeping:
        if callback.save_last and any(isinstance(other, SaveLast) for other in given):
            raise ValueError(
                "ModelCheckpoint: save_last=true would write over the last.ckpt of SaveLast, which saves after epochs, "
                "within them and on a signal: leave save_last out"
            )
        if states.count(callback.state_key) > 1:
            raise ValueError(
                f"trainer.callbacks has two ModelCheckpoints with monitor={callback.monitor}, mode={callback.mode} and "
                "the same intervals, whose states a resumed run could not tell apart: let one watch another metric, "
                "or keep more files with the one by save_top_k"
            )


def best_checkpoint(callbacks: Sequence[Callback]) -> ModelCheckpoint | None:
    """The callback that keeps the best checkpoint, known by its file's name."""
    named = (c for c in callbacks if isinstance(c, ModelCheckpoint) and c.filename == BEST_CHECKPOINT.stem)
    return next(named, None)
