"""`runs`: all runs and studies, newest first."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size

from lightsmith.reports.run_list import STATES, find_all, lines
from lightsmith.terminal import nearest, printable

NARROWEST = 60  # columns


def runs(
    name: str | None = None, status: str | None = None, runs: Path = Path("runs"), last: int | None = None
) -> None:
    """List runs and studies, newest first: status, headline on the test split, time of training, settings that differ.

    Args:
        name: of an experiment, to list its runs only.
        status: to list only those that are running, finished, failed or interrupted.
        runs: folder that holds all runs.
        last: list at most this many, the newest.

    Raises:
        ValueError: no such experiment among the runs, no such status, or no folder of runs.
    """
    if status is not None and status not in STATES:
        raise ValueError(f"--status={status} is not one of {', '.join(STATES)}{nearest(status, list(STATES))}")
    if last is not None and last < 1:
        raise ValueError(f"--last={last} must be at least 1")
    if not runs.is_dir():
        raise ValueError(f"--runs={runs} is not a folder: nothing was run here yet")
    found = find_all(runs)
    names = sorted({one.experiment for one in found})
    if name is not None and name not in names:
        raise ValueError(f"--name={name} has no run in {runs}{nearest(name, names)} (there are: {', '.join(names)})")
    chosen = [one for one in found if name in (None, one.experiment) and status in (None, one.state)]
    width = max(get_terminal_size((80, 24)).columns, NARROWEST) if sys.stdout.isatty() else sys.maxsize
    print("\n".join(map(printable, lines(chosen[:last], width))) or "none")
    print('\nA page about some:  make report RUN=<one of these>, or RUNS="<several>"')
