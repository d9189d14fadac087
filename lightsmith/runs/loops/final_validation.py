"""A training that ends with a validation, wherever its last step lies, so that its last state can be the best.

Lightning validates after whole epochs only, of which ``check_val_every_n_epoch`` may leave out the last.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loops.fit_loop import _FitLoop
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop

from lightsmith.runs.loops.quick_steps import QuickSteps


def end_with_validation(trainer: Trainer) -> None:
    """Give a new Trainer loops that validate after the last step."""
    given = trainer.fit_loop
    trainer.fit_loop = FitLoop(trainer, given.min_epochs, given.max_epochs)
    trainer.fit_loop.epoch_loop = EpochLoop(trainer, given.min_steps, given.max_steps)


class EpochLoop(_TrainingEpochLoop):
    """Validates after the last step of a training too, and makes several steps in a row where nothing is due."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._quick = QuickSteps(self)

    def on_run_start(self, data_fetcher: Any) -> None:
        super().on_run_start(data_fetcher)
        self._quick.begin_epoch()

    def advance(self, data_fetcher: Any) -> None:
        made = self._quick.make(data_fetcher)
        super().advance(data_fetcher)
        self._quick.called(made + 1)

    def _should_check_val_fx(self, data_fetcher: Any) -> bool:
        return super()._should_check_val_fx(data_fetcher) or (self.trainer.enable_validation and self._ends())

    def _ends(self) -> bool:
        """Return whether the batch in progress is the last of the training."""
        loop = self.trainer.fit_loop
        if 0 < self.max_steps <= self.global_step or (self.trainer.should_stop and loop._can_stop_early):
            return True
        last_epoch = loop.max_epochs is not None and 0 < loop.max_epochs <= self.trainer.current_epoch + 1
        return last_epoch and self._num_ready_batches_reached()


class FitLoop(_FitLoop):
    """Is not done while a validation, during which the run was interrupted, is still to be made."""

    @property
    def done(self) -> bool:
        return not self._interrupted_in_validation and super().done

    @property
    def _interrupted_in_validation(self) -> bool:
        batches: Any = self.epoch_loop.val_loop.batch_progress.total  # whose type says less than it has
        return self.restarting and self.trainer.enable_validation and batches.started > batches.processed
