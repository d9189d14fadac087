"""sweep.json: what a sweep is to do, fixed when it begins, beside the study.json of its runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from lightsmith.replace_file import replace_file, replace_json
from lightsmith.studies.study import Study, read_study
from lightsmith.studies.sweeps.space import Space, read_space
from lightsmith.terminal import shown

SCHEMA = 1
FILE = "sweep.json"
TRIALS = "trials.json"  # that a sweep writes at its end
SPACE = "space.yaml"  # the copy of the space that the sweep goes by
OUTPUT = "output"  # folder with what each run printed
COMPARED_SEEDS = 5


@dataclass(frozen=True)
class Plan:
    """The plan of a sweep.

    Attributes:
        name: of the study at Optuna, unique over machines.
        trials: how many.
        metric: as it is logged, such as ``val/accuracy``.
        direction: whether it is to be high or low.
        epochs: the validations of a trial that comes to its end, if it has a fixed number.
        seed: ``seed_everything`` of the trials, which the draws follow too.
        threads: of each run, as results depend on them.
        storage: address of the database, without a password; None for a journal file in the study's folder.
    """

    name: str
    trials: int
    metric: str
    direction: Literal["max", "min"]
    epochs: int | None
    seed: int
    threads: int
    storage: str | None
    schema: int = SCHEMA


@dataclass(frozen=True)
class Sweep:
    """A study of which each member is drawn from a space.

    Attributes:
        database: address of the database, with the password if one was given now; None for the journal.
    """

    study: Study
    plan: Plan
    database: str | None

    @property
    def folder(self) -> Path:
        return self.study.folder

    @cached_property
    def space(self) -> Space:
        return read_space(self.folder / SPACE)

    def trial_folder(self, number: int) -> Path:
        """The run folder of a trial; the first is number 1."""
        return self.folder / trial_name(number)

    @property
    def compared_seeds(self) -> range:
        """The seeds of the comparison at the end, which no trial had."""
        return range(self.plan.seed + 1, self.plan.seed + 1 + COMPARED_SEEDS)

    def write(self, space: Path | None = None) -> None:
        """Write sweep.json, and at the beginning the copy of the space.

        Raises:
            OSError: the disk cannot be written.
        """
        if space is not None:
            replace_file(self.folder / SPACE, space.read_bytes())
        replace_json(self.folder / FILE, asdict(self.plan))

    def with_trials(self, trials: int) -> Sweep:
        """Change the number of trials, and write the sweep down."""
        sweep = Sweep(self.study, replace(self.plan, trials=trials), self.database)
        sweep.write()
        return sweep


def trial_name(number: int) -> str:
    """The name of a trial's run folder."""
    return f"trial-{number:04d}"


def read_sweep(folder: Path, database: str | None = None) -> Sweep:
    """The sweep in a study's folder.

    Args:
        database: its address, where the one recorded lacks the password.

    Raises:
        ValueError: there is none, or its files are not what a sweep writes.
    """
    study = read_study(folder)
    if study.kind != "sweep":
        raise ValueError(f"{shown(folder)} is a study of {study.kind}, no sweep")
    try:
        plan = Plan(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{shown(folder / FILE)} is not what a sweep writes: remove the study") from error
    if database is not None and plan.storage is None:
        raise ValueError(f"--storage: {shown(folder)} keeps its trials in a journal file; leave it out")
    return Sweep(study, plan, database or plan.storage)
