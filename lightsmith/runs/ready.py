"""Checks of a Trainer before its run writes anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback

from callbacks.measure_fit import MeasureFit
from lightsmith.checkpoints.start import check_continues
from lightsmith.launch.strategies import check_shares
from lightsmith.runs.loops.quick_steps import check_steps_per_call
from lightsmith.runs.trainer import ExperimentTrainer, best_checkpoint
from lightsmith.settings.watched_metrics import check_watched


def check_ready(cli: Any, trainer: ExperimentTrainer, continued: dict[str, Any], trains: bool) -> None:
    """Refuse a Trainer that cannot do what the command asks of it.

    Args:
        cli: the ExperimentCLI, whose data and model exist.
        trainer: the one that it has built.
        continued: the checkpoint that a training goes on from; empty for a new one.
        trains: whether the command trains.

    Raises:
        ValueError: too little data for the processes, nothing to record, a metric that nobody logs, a training without
            an end, or settings that a checkpoint's training cannot go on with.
    """
    given = cli.options.trainer
    check_shares(str(cli.subcommand), cli.datamodule.sizes, trainer.world_size, given.use_distributed_sampler)
    if not trains:
        return
    if cli.subcommand == "run" and not given.fast_dev_run:
        check_callbacks(trainer.callbacks)
    check_watched(trainer, cli.model, foreign=bool(cli.allowed_packages))
    if trainer.max_epochs == trainer.max_steps == -1:
        raise ValueError("trainer.max_epochs=-1 has no end to schedule towards: set max_epochs or max_steps")
    check_steps_per_call(trainer, cli.model)
    if continued:
        check_continues(continued, cli.options, trainer, cli.model)


def check_callbacks(callbacks: Sequence[Callback]) -> None:
    """Refuse, before training, a run of which there would be nothing to record.

    Raises:
        ValueError: no checkpoint named best, or nobody who measures the fit.
    """
    if best_checkpoint(callbacks) is None or not any(isinstance(c, MeasureFit) for c in callbacks):
        raise ValueError(
            "trainer.callbacks lacks MeasureFit, or a ModelCheckpoint with filename: best, which run needs for its "
            "results: keep those of experiments/_defaults.yaml (--trainer.callbacks+= adds to them), or use fit"
        )
