"""The end of a sweep: its winner and the default settings, trained and tested on the same fresh seeds."""

from __future__ import annotations

from pathlib import Path

from lightsmith.records.results import FILE as RESULTS
from lightsmith.studies.study import status_in
from lightsmith.studies.sweeps.trials import Trials


def compared_names(trials: Trials) -> dict[str, list[str]]:
    """The names of the comparison's run folders by group, one for each fresh seed; none without a winner.

    The winner's say which trial it was: with more trials it may be another.
    """
    best, seeds = trials.best(), trials.sweep.compared_seeds
    winner = f"winner-{best.number + 1:04d}" if best else ""
    return {group: [f"{group}-seed-{seed}" for seed in seeds] for group in ("default", winner) if best}


def compared_options(trials: Trials, name: str) -> list[str]:
    """The options of a run of the comparison, beside those of the study.

    Args:
        name: such as default-seed-2 or winner-0012-seed-2.
    """
    group, _, seed = name.partition("-seed-")
    space = trials.sweep.space
    if group == "default":
        return [*space.constants(), f"--seed_everything={seed}"]
    trial = trials.read(int(group.removeprefix("winner-")))
    return [*space.options(trial.params), f"--seed_everything={seed}"]


def has_ended(folder: Path) -> bool:
    """Return whether a run has its record, or failed."""
    state = status_in(folder).state
    return state == "failed" or (state == "finished" and (folder / RESULTS).is_file())


def recorded(trials: Trials) -> list[Path]:
    """The folders of the comparison's runs that have a record: the default settings, then the winner."""
    folders = (trials.sweep.folder / name for names in compared_names(trials).values() for name in names)
    return [folder for folder in folders if (folder / RESULTS).is_file()]
