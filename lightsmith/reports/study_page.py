"""The page of a study: its runs beside each other, and of a sweep how the search went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightsmith.records.results import FILE
from lightsmith.reports.comparison_record import read_comparison
from lightsmith.reports.parts import Part, section
from lightsmith.reports.search_parts import search_parts
from lightsmith.reports.several_page import FOOTER, OneRun, read_runs, several_page
from lightsmith.reports.sweep_record import Trial, read_sweep
from lightsmith.reports.tune_page import tune_page
from lightsmith.studies.study import Study, read_study
from lightsmith.terminal import shown


def study_page(folder: Path) -> dict[str, Any]:
    """The figures of the page of a study.

    Raises:
        ValueError: the folder is not that of a study, none of its runs is finished, or its record cannot be read.
    """
    study = read_study(folder)
    if study.kind == "tune":
        return tune_page(folder)
    begun = [study.folder_of(member) for member in study.members if study.folder_of(member).is_dir()]
    if not begun:
        raise ValueError(f"no run of {shown(folder)} has begun: a report needs one that is finished")
    title = f"{study.experiment}, {study.kind}: {folder.name}"
    if study.kind == "sweep":
        page = _sweep_page(folder, begun, title)
    else:
        page = several_page(begun, title, compared=read_comparison(folder))
    page["lead"].append(_standing(study))
    return page


def _sweep_page(folder: Path, begun: Sequence[Path], title: str) -> dict[str, Any]:
    """The page of a sweep: how the search went, and what its end recorded, where it has come to that."""
    record = read_sweep(folder)
    if record is None:
        return several_page(begun, title, [section("Search", _unrecorded(read_runs(begun)))])
    search = section("Search", search_parts(record.trials, record.direction, record.importance))
    compared = [run for run in begun if run.name not in record.drawn]  # trials are judged by the validation alone
    if not any((run / FILE).is_file() for run in compared):
        return {"title": title, "headline": None, "lead": [], "sections": [search], "footer": FOOTER}
    return several_page(compared, title, [search], record.comparison)


def _standing(study: Study) -> str:
    """Count the runs of a study by state."""
    states = [study.status_of(member).state for member in study.members]
    counted = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    return f"{len(states)} runs planned: {', '.join(counted)} · {shown(study.folder)}"


def _unrecorded(runs: Sequence[OneRun]) -> list[Part | None]:
    """Draw the runs of a sweep without a record, by the validation of the epoch that was tested."""
    trials = [
        Trial(run.name, run.results.settings or {}, run.results.best.value, str(run.results.best.metric))
        for run in runs
        if run.results.best and run.results.best.value is not None
    ]
    return search_parts(trials, runs[0].results.headline.direction, {})
