"""The runs that a person means: by patterns of paths, or by the names of experiments."""

from __future__ import annotations

import shlex
from glob import glob
from pathlib import Path
from typing import NamedTuple

from lightsmith.records.results import FILE, read_results
from lightsmith.records.status import read_status
from lightsmith.run_folder import newest_run
from lightsmith.studies.comparisons.run_groups import age, settings_of
from lightsmith.terminal import nearest

RUNS = Path("runs")
OF_A_RUN = (FILE, "status.json", "config.yaml")
DEEPEST = 3  # folders below a given one that runs are looked for in: experiment, study, run


class LeftOut(NamedTuple):
    """A run or file that is not compared, and why."""

    path: Path
    reason: str


class FoundRuns(NamedTuple):
    """Folders of runs in the order given, each once, and what was found beside them."""

    folders: list[Path]
    left_out: list[LeftOut]


def runs_by_pattern(patterns: str) -> FoundRuns:
    """The runs of paths and patterns such as ``runs/a/* runs/b/*``; a folder of runs, as a study, stands for them.

    Raises:
        ValueError: one of them is nowhere, or has no runs.
    """
    folders: dict[Path, None] = {}  # which keeps the order
    left_out = []
    for pattern in shlex.split(patterns):
        paths = _paths(pattern)
        runs = [run for path in paths for run in runs_in(path)]
        if not runs:
            raise ValueError(f"--runs={pattern} holds no run: give run folders, such as 'runs/mnist_mlp/*'")
        folders |= dict.fromkeys(runs)
        left_out += [LeftOut(path, "no run") for path in paths if not runs_in(path)]
    if not folders:
        raise ValueError("--runs names no folder: give run folders, such as 'runs/mnist_mlp/*'")
    return FoundRuns(list(folders), left_out)


def runs_by_name(names: str, root: Path = RUNS) -> FoundRuns:
    """The runs of experiments, with those of their studies: all that have the settings of the newest finished one.

    Raises:
        ValueError: an experiment without a finished run.
    """
    folders, left_out = [], []
    for name in dict.fromkeys(names.split()):
        runs = runs_in(root / name)
        records = [read_results(run) for run in runs if unfinished(run) is None]
        if not records:
            raise ValueError(f"--names={name}: {root / name} holds no finished run{_other_name(name, root)}")
        settings = settings_of(records)
        newest = settings[records.index(max(records, key=age))]
        same = {record.folder for record, own in zip(records, settings, strict=True) if own == newest}
        folders += [run for run in runs if run in same or unfinished(run) is not None]
        others = (run for run in runs if run not in same and unfinished(run) is None)
        left_out += [LeftOut(run, f"other settings than the newest run of {name}") for run in others]
    return FoundRuns(folders, left_out)


def _other_name(name: str, root: Path) -> str:
    known = [path.name for path in root.glob("*") if path.name != name]
    return nearest(name, known)


def _paths(pattern: str) -> list[Path]:
    found = sorted(glob(pattern))  # noqa: PTH207  # which knows absolute patterns
    if not found:
        what = "matches nothing" if any(character in pattern for character in "*?[") else "is nowhere"
        raise ValueError(f"--runs={pattern} {what}{newest_run(Path(pattern))}")
    return [Path(path) for path in found]


def runs_in(path: Path, depth: int = DEEPEST) -> list[Path]:
    """The folders of runs that a path stands for, with links such as ``latest`` resolved; none of another path."""
    folder = path.resolve()
    if not folder.is_dir():
        return []
    if any((folder / name).is_file() for name in OF_A_RUN):
        return [folder]
    inner = [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.is_symlink() and not p.name.startswith(".")]
    return [run for p in inner for run in runs_in(p, depth - 1)] if depth else []


def unfinished(run: Path) -> str | None:
    """Why a run has no result to compare; None where it has."""
    status = read_status(run)
    if status is not None and status.state != "finished":
        return ": ".join(filter(None, [status.state, status.reason]))
    return None if (run / FILE).is_file() else f"it has no {FILE}"
