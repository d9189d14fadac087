"""Settle the options of a command before anything is loaded or written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from datamodules.sources.hub_tables import names_hub, pin
from lightsmith.checkpoints.pinned_runs import pin_runs
from lightsmith.checkpoints.start import check_trained, experiment_of, find_home, find_start
from lightsmith.launch.slurm import requeued_run
from lightsmith.launch.strategies import check_strategy
from lightsmith.runs.hardware import check_process_counts, fast_precision
from lightsmith.settings.allowed_classes import leaves
from lightsmith.settings.secrets import refuse_secrets
from lightsmith.settings.trainer_flags import check_flags

RECORDED = ("run", "fit")  # verbs that make a run folder


def settle_options(options: Namespace, verb: str, arguments: Sequence[str]) -> Path | None:
    """Refuse what can be refused by now, and write what follows from the machine and from earlier runs into options.

    Args:
        options: as parsed; changed in place.
        verb: the command, such as run.
        arguments: as they were given.

    Returns:
        The folder of the run to continue; None for a new one.

    Raises:
        ValueError: a mistake, in one line.
    """
    refuse_secrets(options)
    find_home(options)
    pin_runs(options)
    check_flags(options.trainer, verb)
    folder = _settle_start(options, verb, arguments)
    check_process_counts(dict(leaves(options)))
    check_strategy(options.trainer.strategy, options.trainer.accelerator)
    if options.trainer.precision is None:
        options.trainer.precision = fast_precision(str(options.trainer.accelerator))
    _pin_data(options.data)
    return folder


def _pin_data(data: Namespace | None) -> None:
    """Name the commit of a data set of the hub, so that config.yaml repeats the run on the same data."""
    settings: Any = data.get("init_args") if data else None
    if settings and names_hub(str(settings.get("source"))):
        settings.source = pin(settings.source)


def _settle_start(options: Namespace, verb: str, arguments: Sequence[str]) -> Path | None:
    if verb not in RECORDED:
        check_trained(options, verb)
        return None
    experiment = experiment_of(options)
    options.resume = options.resume or requeued_run(options.runs / experiment, arguments)
    folder = find_start(options, experiment)
    options.experiment = experiment
    return folder
