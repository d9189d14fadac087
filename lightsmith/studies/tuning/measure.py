"""Tune an experiment: build it, then try rates and batch sizes, each on a copy of its model."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightsmith.runs.failures import RunFailedError
from lightsmith.runs.hardware import device_name
from lightsmith.runs.lightning_messages import plain_messages
from lightsmith.runs.out_of_memory import ran_out_of_memory
from lightsmith.runs.trainer import ExperimentTrainer
from lightsmith.studies.tuning.climb import climb
from lightsmith.studies.tuning.copied_fit import TunedCLI
from lightsmith.studies.tuning.curve import Suggestions
from lightsmith.studies.tuning.range_test import RaiseRate, run_range_test
from lightsmith.studies.tuning.tuning import Tuning


def tune_experiment(name: str, configs: Sequence[Path], options: Sequence[str], rates: Sequence[float]) -> Tuning:
    """Measure how an experiment takes rising rates and larger batches.

    Args:
        name: of the experiment.
        configs: its YAML files, in order.
        options: of `cli.py run`.
        rates: to try, upwards.

    Raises:
        ValueError: a mistake in the options, or no option that sets the rate.
        RunFailedError: the loss falls at none of the rates, or memory ends at the experiment's own batch size.
    """
    with plain_messages():
        cli = build(configs, options)
        began = time.perf_counter()
        raised = _try_rates(cli, rates)
        suggestions = _suggestions(raised)
        between = time.perf_counter()
        climbed = climb(cli)
        ended = time.perf_counter()
    trainer: Any = cli.trainer
    return Tuning(
        experiment=name,
        option=raised.option,
        curve=raised.curve,
        suggestions=suggestions,
        ladder=climbed,
        optimizer=raised.optimizer,
        group_rates=raised.group_rates,
        batch_size=cli.datamodule.batch_size,
        fit_steps=steps_of_fit(trainer, len(cli.datamodule.train_dataloader())),
        rate_seconds=round(between - began, 3),
        batch_seconds=round(ended - between, 3),
        device=device_name(trainer.strategy.root_device),
        precision=str(trainer.precision),
    )


def build(configs: Sequence[Path], options: Sequence[str]) -> TunedCLI:
    """Build and check an experiment as a run does, of one process, and write nothing.

    Raises:
        ValueError: a mistake in the options, several devices among them.
    """
    cli = TunedCLI(["fit", *(f"--config={path}" for path in configs), "--trainer.devices=1", *options])
    trainer: Any = cli.trainer
    if trainer.world_size > 1:
        raise ValueError(f"trainer.devices={cli.options.trainer.devices}: tune uses one device; leave it out")
    return cli


def _try_rates(cli: TunedCLI, rates: Sequence[float]) -> RaiseRate:
    try:
        return run_range_test(cli, rates)
    except (RuntimeError, MemoryError) as error:
        if ran_out_of_memory(error):
            raise RunFailedError("out of memory: lower --data.batch_size") from error
        raise


def _suggestions(raised: RaiseRate) -> Suggestions:
    found = raised.curve.suggestions
    if found is None:
        tried = raised.curve.rates or [raised.option.value]
        raise RunFailedError(
            f"the loss falls at no {raised.option.key} from {tried[0]:g} to {tried[-1]:g}: "
            "try others, by --min_rate and --max_rate"
        )
    return found


def steps_of_fit(trainer: ExperimentTrainer, batches: int) -> int | None:
    """Count the optimizer steps of a whole fit; None without an end in epochs or steps.

    Args:
        batches: of an epoch, all items taken.
    """
    limit = trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    steps = math.ceil(batches / trainer.accumulate_grad_batches) * (trainer.max_epochs or -1)
    known = [count for count in (steps, trainer.max_steps) if count > 0]
    return min(known, default=None)
