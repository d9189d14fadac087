"""A line at the end of a training that ended before its last epoch, or had nothing left to do."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_modules.training.stop_reasons import stop_reasons


class SayWhyEnded(Callback):
    """Prints why a training ended before ``max_epochs``, or why a resumed one has nothing left to train."""

    def __init__(self) -> None:
        self._first_batch: int | None = None  # of those that this process trains

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._first_batch = trainer.fit_loop.total_batch_idx

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by Lightning's connector
            return
        early = _why_early(trainer)
        if trainer.ckpt_path is not None and self._first_batch in (None, trainer.fit_loop.total_batch_idx):
            done = f"all {trainer.max_epochs} epochs are done; --trainer.max_epochs=… with more of them trains on"
            pl_module.print(f"nothing to train: {early or done}")
        elif early:
            pl_module.print(f"ended early: {early}")


def _why_early(trainer: Trainer) -> str:
    """Say why the training did not come to its last epoch; empty if it did, or if it has none."""
    epochs, steps = trainer.max_epochs or -1, trainer.max_steps
    reason = "; ".join(stop_reasons(trainer))
    if 0 < steps <= trainer.global_step:
        if epochs < 0:
            return ""
        reason = f"trainer.max_steps={steps} reached"
    elif 0 < epochs <= trainer.current_epoch:
        return ""
    elif not reason and trainer.should_stop:
        reason = "a callback asked for it"
    if not reason:
        return ""
    of = f" of {epochs}" if epochs > 0 else ""
    return f"{reason}, in epoch {trainer.current_epoch}{of}, at step {trainer.global_step}"
