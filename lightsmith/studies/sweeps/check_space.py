"""A space is tried on its experiment before a sweep writes anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Literal

from lightsmith.runs.experiment import ExperimentCLI
from lightsmith.studies.built_experiment import BuiltCLI
from lightsmith.studies.machine_share import one_gpu
from lightsmith.studies.sweeps.forks import FORK, fork
from lightsmith.studies.sweeps.parameters import told
from lightsmith.studies.sweeps.space import Space
from lightsmith.terminal import nearest, one_line

GOALS: dict[str | None, Literal["max", "min"]] = {"maximize": "max", "minimize": "min"}


@dataclass(frozen=True)
class Facts:
    """Facts of an experiment that a sweep needs.

    Attributes:
        headline: the metric that its runs are judged by, without ``val/``.
        measured: what is logged, by name, and whether high or low is better.
        validations: of a run that comes to its end; None if that is not known beforehand.
        seed: seed_everything.
    """

    headline: str
    measured: dict[str, Literal["max", "min"] | None]
    validations: int | None
    seed: int


def check_space(space: Space, options: Sequence[str], where: str) -> Facts:
    """Build the experiment with every value of the space, the ends of ranges included.

    In a process of its own, as this one forks others later, and torch's threads must not have begun by then.

    Args:
        options: of the command line, for every run.
        where: the file of the space, for messages.

    Raises:
        ValueError: the experiment does not take a value, or does not measure the metric; one line.
    """
    facts = Facts(*tried(options))
    examples = [parameter.examples for parameter in space.parameters]
    for n in range(max(map(len, examples))):
        values = [example[n % len(example)] for example in examples]
        drawn = {p.key: told(value) for p, value in zip(space.parameters, values, strict=True)}
        try:
            tried([*options, *space.options(drawn)])
        except ValueError as error:
            raise ValueError(f"{where}: {one_line(error)}") from error
    return facts


def metric_of(space: Space, facts: Facts, where: str) -> tuple[str, Literal["max", "min"]]:
    """The metric that trials are judged by, and whether it is to be high or low.

    Raises:
        ValueError: it is not measured in validation, or the goal takes it for its opposite.
    """
    validated = {name: better for name, better in facts.measured.items() if name.startswith("val/")}
    metric = space.metric or f"val/{facts.headline}"
    if metric not in validated:
        near = nearest(metric, list(validated)) or nearest(f"val/{metric}", list(validated))
        raise ValueError(f"{where}: metric.name={metric} is not measured{near} (there are {', '.join(validated)})")
    better = validated[metric]
    asked = GOALS.get(space.goal)
    if asked is not None and better not in (None, asked):
        right = next(goal for goal, direction in GOALS.items() if direction == better)
        raise ValueError(f"{where}: metric.goal={space.goal} takes {metric} for its opposite: say goal: {right}")
    return metric, asked or better or "min"


def tried(options: Sequence[str]) -> tuple[Any, ...]:
    """Build an experiment in a forked process, and return the content of its ``Facts``.

    Raises:
        ValueError: its line, where it cannot be built.
    """
    here, there = FORK.Pipe(duplex=False)
    process = fork(partial(_try, list(options), there), "tried-experiment")
    there.close()
    try:
        good, found = here.recv()
    except EOFError:
        good, found = False, "the experiment could not be built: the process that tried it was killed"
    process.join()
    if not good:
        raise ValueError(found)
    return tuple(found)


def _try(options: list[str], answer: Connection) -> None:
    """Build an experiment without a word, and send what it says of itself, or why it cannot be built."""
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silent, stream)
    os.environ |= one_gpu(0)
    try:
        cli = BuiltCLI(["fit", *options])
        _check_alone(cli)
    except SystemExit:
        answer.send((False, "the options end the command before anything is built"))
    except Exception as error:  # noqa: BLE001  # any of them is a mistake in the settings here
        answer.send((False, one_line(error)))
    else:
        model: Any = cli.model
        answer.send((True, (model.headline.metric, model.measured, _validations(cli), cli.options.seed_everything)))
    sys.stdout.flush()


def _check_alone(cli: ExperimentCLI) -> None:
    """Refuse a run of several processes, which would start as many sweeps."""
    trainer: Any = cli.trainer
    if trainer.world_size > 1:
        raise ValueError(f"trainer.devices={cli.options.trainer.devices}: a trial runs on one device; leave it out")


def _validations(cli: ExperimentCLI) -> int | None:
    """The validations of a whole run, where they come once an epoch."""
    trainer: Any = cli.trainer
    once = trainer.val_check_interval == 1.0 and trainer.check_val_every_n_epoch == 1
    return trainer.max_epochs if once and trainer.max_epochs and trainer.max_epochs > 0 else None
