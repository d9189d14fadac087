"""The options of `run` that are about several runs: which seeds, how many at once, which study to go on with."""

from __future__ import annotations

from argparse import ArgumentError, ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# Options that each run of a study has of its own, or that make no run.
OF_ONE_RUN = ("--seed_everything", "--resume", "--folder", "--explain", "--print_config", "--help", "-h")


class StudyOptions(NamedTuple):
    """The options that a study needs to know.

    Attributes:
        workers: how many runs at once; None where that was not said.
        rest: all other options, in their order.
    """

    seeds: str | None
    workers: int | None
    resume: Path | None
    runs: Path
    experiment: str
    config: list[Path]
    rest: list[str]


def read_options(given: Sequence[str]) -> StudyOptions:
    """Read the options of a study from those of a command.

    Raises:
        ValueError: one has no value, or a wrong one.
    """
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--seeds")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--experiment", default="")
    parser.add_argument("-c", "--config", type=Path, action="append", default=[])
    try:
        known, rest = parser.parse_known_args(given)
    except ArgumentError as error:
        raise ValueError(f"{error.argument_name}: {error.message}") from error
    return StudyOptions(**vars(known), rest=rest)


def check_common(options: Sequence[str], several: str, own: Sequence[str] = ()) -> None:
    """Refuse options for all runs of a study that each of them has of its own, or that make no run.

    Args:
        several: the option that asks for several runs, as it was given.
        own: options that are accepted all the same.

    Raises:
        ValueError: naming one.
    """
    for option in options:
        if (key := option.partition("=")[0]) in OF_ONE_RUN and key not in own:
            raise ValueError(f"{option} is for one run: leave it out, or leave {several} out")


def check_workers(workers: int | None) -> None:
    """Refuse a number of workers below 1.

    Raises:
        ValueError: it is below 1.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"--workers={workers} must be at least 1")
