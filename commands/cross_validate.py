"""`cross-validate`: one run for each part of the data that is held out, so that every item is predicted unseen."""

from __future__ import annotations

import shlex

from lightsmith.studies.folds import create_folds
from lightsmith.studies.go_on import finish
from lightsmith.studies.seeds import parse_seeds
from lightsmith.studies.study_options import check_workers


def cross_validate(
    name: str, folds: int = 5, data: str = "sample", seeds: str = "1", workers: int = 1, options: str = ""
) -> None:
    """Train and test an experiment once for each fold of its data, and say what the folds got.

    Training and validation items are divided together; an official test split has no part. A fold is the test split
    of its run, and nothing is chosen by it.

    Args:
        name: the experiment.
        folds: how many.
        data: as data.source.
        seeds: under which each fold is run: how many (5), from and to (1..5), or each (3,7,11).
        workers: how many runs at once.
        options: further options of run, such as "--trainer.max_epochs=2".

    Raises:
        ValueError: a mistake, or data of which so many folds cannot be made; nothing is written.
        RunFailedError: a run failed; the others are there.
    """
    check_workers(workers)
    typed = [f"--folds={folds}", f"--data={data}", f"--seeds={seeds}", f"--workers={workers}", f"--options={options}"]
    common = [f"--data.source={data}", *shlex.split(options)]
    finish(create_folds(name, folds, parse_seeds(seeds), typed, common), workers)
