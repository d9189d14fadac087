"""The runs and studies below a folder, as a list of them shows each; nothing here needs torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from lightsmith.records.parts import Headline
from lightsmith.records.results import FILE, read_results
from lightsmith.records.status import read_status
from lightsmith.run_folder import LEDGER
from lightsmith.settings.experiments import run_name
from lightsmith.studies.study import Study, is_study, read_study
from lightsmith.studies.tuning.tuning import read_tuning
from lightsmith.terminal import shortened, shown

STAMP = re.compile(r"(\d{8}-\d{6})(?:-(\d+))?")  # what the name of a run's folder begins with
STATES = ("running", "finished", "failed", "interrupted")


class FoundRun(NamedTuple):
    """A run or study.

    Attributes:
        kind: run, or that of a study: seeds, folds, sweep, tune, compression.
        state: as in status.json; of a study, running while a run of it is.
        note: why it failed or was interrupted; of a study, how many of its runs are finished.
        headline: of a study, the mean over its finished runs.
        seconds: of training; of a study, of all its runs together.
        settings: that differ from the experiment's, as recorded at the end.
        seed: None for a study.
    """

    folder: Path
    experiment: str
    kind: str
    state: str
    note: str
    headline: Headline | None = None
    seconds: float | None = None
    settings: dict[str, Any] | None = None
    seed: int | None = None

    @property
    def began(self) -> datetime:
        """The time at which it began, by the name of its folder."""
        stamp = STAMP.match(self.folder.name)
        return datetime.strptime(stamp[1], "%Y%m%d-%H%M%S") if stamp else datetime.min


def find_all(root: Path) -> list[FoundRun]:
    """All runs and studies in a folder of runs, newest first; those of a study are counted in its line."""
    folders = [path for path in root.glob("*/*") if STAMP.match(path.name) and path.is_dir()]
    found = [read_found(folder) for folder in folders]
    return sorted(found, key=lambda one: (one.folder.name, one.experiment), reverse=True)


def read_found(folder: Path) -> FoundRun:
    """Read how a run or study stands; a record that cannot be read counts as none."""
    if is_study(folder):
        return _study(folder)
    if (folder / LEDGER).is_file():
        return _compression(folder)
    state, note = _status(folder)
    if state != "finished":
        return FoundRun(folder, run_name(folder), "run", state, note)
    try:
        results = read_results(folder)
    except ValueError as error:
        return FoundRun(folder, run_name(folder), "run", state, str(error))
    record = results.headline, results.fit.seconds, results.settings, results.seed
    return FoundRun(folder, results.experiment, "run", state, note, *record)


def _status(folder: Path) -> tuple[str, str]:
    """The state of a run and, where it failed or was interrupted, the reason."""
    status = read_status(folder)
    if status is not None:
        return status.state, status.reason or ""
    if (folder / FILE).is_file():  # earlier versions wrote no status.json
        return "finished", ""
    return "interrupted", ""


def _study(folder: Path) -> FoundRun:
    try:
        study = read_study(folder)
    except ValueError as error:
        return FoundRun(folder, folder.parent.name, "study", "failed", str(error))
    if study.kind == "tune":
        return _tune(folder, study.experiment)
    runs = [read_found(study.folder_of(member)) for member in study.members if study.folder_of(member).is_dir()]
    finished = [run for run in runs if run.state == "finished"]
    note = f"{len(finished)} of {len(study.members)} runs finished"
    seconds = sum(run.seconds or 0 for run in finished)
    return FoundRun(folder, study.experiment, study.kind, _state(study, runs), note, _mean(finished), seconds)


def _tune(folder: Path, experiment: str) -> FoundRun:
    """Read a tune, which is no run and has no test: what it suggests stands in its note."""
    try:
        record = read_tuning(folder)
        note = f"suggests {record['option']}={record['suggested']:g}, batches of {record['suggested_batch_size']}"
        seconds = record["rate_seconds"] + record["batch_seconds"]
    except (ValueError, KeyError) as error:
        return FoundRun(folder, experiment, "tune", "failed", str(error))
    return FoundRun(folder, experiment, "tune", "finished", note, seconds=seconds)


def _state(study: Study, runs: Sequence[FoundRun]) -> str:
    """The state of a study by those of its runs that have begun."""
    states = [run.state for run in runs]
    if "running" in states:
        return "running"
    return "finished" if states.count("finished") == len(study.members) else "interrupted"


def _mean(runs: Sequence[FoundRun]) -> Headline | None:
    """The mean headline of finished runs."""
    known = [run.headline for run in runs if run.headline is not None]
    if not known:
        return None
    return Headline(known[0].metric, fmean(headline.value for headline in known), known[0].direction)


def _compression(folder: Path) -> FoundRun:
    try:
        ledger = json.loads((folder / LEDGER).read_text(encoding="utf-8"))
        chosen = next(row for row in ledger["variants"] if row["name"] == ledger["recommended"])
        metric, direction = ledger["headline"]["metric"], ledger["headline"]["direction"]
        headline = Headline(metric, chosen[f"test_{metric}"], direction)
        note = f"recommends {chosen['name']} of {len(ledger['variants'])} variants"
    except (ValueError, KeyError, TypeError, StopIteration):
        return FoundRun(folder, folder.parent.name, "compression", "failed", f"{LEDGER} cannot be read")
    return FoundRun(folder, ledger["experiment"], "compression", "finished", note, headline)


def written_settings(settings: dict[str, object] | None, seed: int | None) -> str:
    """Settings as one types them, the seed last."""
    said = [f"{name}={setting(value)}" for name, value in sorted((settings or {}).items()) if name != "seed_everything"]
    if seed is not None:
        said.append(f"seed {seed}")
    return " ".join(said)


def setting(value: object) -> str:
    """A setting as one types it."""
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def lines(found: Iterable[FoundRun], width: int) -> list[str]:
    """A line for each run or study, its settings or reason cut to the width of a terminal."""
    rows = [
        [
            str(shown(one.folder.absolute())),
            one.state if one.kind == "run" else f"{one.state} ({one.kind})",
            f"{one.headline.metric} {one.headline.value:.4f}" if one.headline else "",
            f"{one.seconds:,.0f} s" if one.seconds is not None else "",
            " ".join(filter(None, [one.note, written_settings(one.settings, one.seed)])),
        ]
        for one in found
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    return [_line(row, widths, width) for row in rows]


def _line(row: list[str], widths: list[int], width: int) -> str:
    folder, state, figure, seconds, rest = row
    line = (
        f"{folder:<{widths[0]}}  {state:<{widths[1]}}  {figure:<{widths[2]}}  {seconds:>{widths[3]}}  {rest}".rstrip()
    )
    return shortened(line, width)
