"""The end of a sweep: its winner and the default settings, trained and tested on the same fresh seeds."""

from __future__ import annotations

from pathlib import Path

from lightsmith.records.results import FILE as RESULTS
from lightsmith.studies.study import status_in
from lightsmith.studies.sweeps.sweep import Sweep
from lightsmith.studies.sweeps.trials import Trials


def compared_options(trials: Trials, name: str) -> list[str]:
    """The options of a run of the comparison, beside those of the study.

    Args:
        name: such as winner-seed-2.
    """
    group, _, seed = name.partition("-seed-")
    best = trials.best()
    assert best is not None, "the comparison begins once there is a winner"
    space = trials.sweep.space
    settings = space.options(best.params) if group == "winner" else space.constants()
    return [*settings, f"--seed_everything={seed}"]


def has_ended(folder: Path) -> bool:
    """Return whether a run has its record, or failed."""
    state = status_in(folder).state
    return state == "failed" or (state == "finished" and (folder / RESULTS).is_file())


def recorded(sweep: Sweep) -> dict[str, list[Path]]:
    """The folders of the comparison's runs that have a record, by group: the default settings, then the winner."""
    folders: dict[str, list[Path]] = {"default": [], "winner": []}
    for group, seed in sweep.compared():
        folder = sweep.folder / f"{group}-seed-{seed}"
        if (folder / RESULTS).is_file():
            folders[group].append(folder)
    return folders
