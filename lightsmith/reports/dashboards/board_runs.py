"""The runs that a dashboard shows, finished or not, with what each has logged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from lightsmith.reports.curves import Curves, read_curves
from lightsmith.reports.dashboards.spec import ABOUT_ALL, Spec
from lightsmith.reports.run_list import FoundRun, find_all, read_found
from lightsmith.reports.sweep_record import read_sweep
from lightsmith.run_folder import TRAINING
from lightsmith.studies.comparisons.found_runs import runs_by_pattern, runs_in
from lightsmith.terminal import shown
from lightsmith.tracking.place import Place, compression_of, place_of

SEED = "seed_everything"
DEEPEST = 5  # folders from an experiment to a run of a compression: time, training, variant, experiment, time


class BoardRun(NamedTuple):
    """A run with what it has logged.

    Attributes:
        settings: that differ from its experiment's, seed apart; empty as long as that is not recorded.
        name: its folder, or what tells it from the others of the study that all runs are of.
    """

    found: FoundRun
    place: Place
    curves: Curves
    settings: dict[str, Any]
    name: str


def runs_of(spec: Spec, patterns: str | None, root: Path = Path("runs")) -> list[BoardRun]:
    """The runs that a dashboard is to show, in the order given; those of a study stand for its folder.

    Args:
        patterns: as a person gives them; the newest study that the dashboard is about, or all runs, when unset.
        root: folder that holds all runs.

    Raises:
        ValueError: there are none.
    """
    folders = _newest(spec, root) if patterns is None else _given(patterns)
    bar = tqdm(folders, "Reading", unit=" runs", leave=False, delay=1, disable=None)
    drawn = {study: _drawn(study) for study in {folder.parent for folder in folders}}
    runs = [_read(folder, drawn[folder.parent]) for folder in bar]
    if study_of(runs) is None:
        return runs
    return [run._replace(name=" ".join(run.place.tags)) for run in runs]


def _newest(spec: Spec, root: Path) -> list[Path]:
    if spec.of == ABOUT_ALL:
        folders = [run for path in sorted(root.glob("*")) if not path.is_symlink() for run in _runs_in(path)]
        if not folders:
            raise ValueError(f"there are no runs in {shown(root)}: make one first, such as make exp NAME=mnist_mlp")
        return folders
    for one in find_all(root):
        if one.kind == spec.of and (folders := _runs_in(one.folder)):
            return folders
    raise ValueError(f"the dashboard {spec.name} is about {spec.of}, of which {shown(root)} has none: say which --runs")


def _given(patterns: str) -> list[Path]:
    """The runs of some patterns, and those below the folder of a compression."""
    path = Path(patterns)
    if path.is_dir() and (path.resolve() / TRAINING).is_dir():
        return _runs_in(path)
    return runs_by_pattern(patterns).folders


def _runs_in(path: Path) -> list[Path]:
    return runs_in(path, DEEPEST)


def _drawn(study: Path) -> dict[str, dict[str, Any]]:
    """The settings of a sweep's trials by name, once it has recorded them."""
    record = read_sweep(study)
    return {} if record is None else record.drawn


def _read(folder: Path, drawn: dict[str, dict[str, object]]) -> BoardRun:
    found = read_found(folder)
    recorded = found.settings
    if recorded is None:
        recorded = drawn.get(folder.name, {})
    own = {name: value for name, value in recorded.items() if name != SEED}
    return BoardRun(found, place_of(folder, found.experiment), read_curves(folder), own, str(shown(folder)))


def study_of(runs: Sequence[BoardRun]) -> Path | None:
    """The folder that all runs lie in, where they are of one study or compression."""
    folders = {compression_of(run.found.folder) or run.found.folder.parent for run in runs}
    alone = any(run.place.job_type == "run" for run in runs)
    return None if alone or len(folders) > 1 else folders.pop()
