"""Files a run at Weights & Biases: its group, its job type and its tags."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from lightsmith.run_folder import COMPRESSED, TRAINING
from lightsmith.studies.study import is_study, read_study

JOBS = {"seeds": "seed", "folds": "fold"}  # of other kinds of study the kind itself
ALONE, COMPRESSION = "run", "compression"
PART = re.compile(r"[a-z]+(?:-\d+)?")  # of a name such as fold-2-seed-1


class Place(NamedTuple):
    """The group, job type and tags of a run.

    Attributes:
        group: the study that it belongs to, as ``<experiment>-<folder>``; of a run that stands alone, its experiment.
        job_type: seed, fold, sweep or tune of a study's run, compression of a variant's, run of one that stands alone.
        tags: what tells it from the others of its group, such as fold-2 and seed-1.
    """

    group: str
    job_type: str
    tags: tuple[str, ...] = ()


def place_of(run: Path, experiment: str) -> Place:
    """Find out by where its folder lies what a run belongs to.

    Args:
        run: its folder.
        experiment: its name.

    Raises:
        ValueError: the study that it lies in cannot be read.
    """
    run = run.absolute()
    if is_study(run.parent):
        kind = read_study(run.parent).kind
        return Place(_name(run.parent), JOBS.get(kind, kind), tuple(PART.findall(run.name)))
    if compression := compression_of(run):
        return Place(_name(compression), COMPRESSION, (run.parents[1].name,))
    return Place(experiment, ALONE)


def compression_of(run: Path) -> Path | None:
    """The folder of the compression that a run was trained for: <folder>/training/<variant>/<experiment>/<time>."""
    above = run.absolute().parents
    inside = len(above) > 4 and above[2].name == TRAINING and above[4].name.endswith(COMPRESSED)
    return above[3] if inside else None


def _name(folder: Path) -> str:
    return f"{folder.parent.name}-{folder.name}"
