"""A dashboard with its runs: every metric is one that a run has logged."""

from __future__ import annotations

from functools import cached_property

from lightsmith.records.parts import Headline
from lightsmith.reports.dashboards.board_runs import BoardRun, runs_of, study_of
from lightsmith.reports.dashboards.groups import RunGroup, groups_by
from lightsmith.reports.dashboards.metric_names import resolve
from lightsmith.reports.dashboards.spec import ABOUT_ALL, Spec
from lightsmith.reports.sweep_record import SweepRecord, Trial, read_sweep
from lightsmith.studies.comparisons.metrics import direction_of
from lightsmith.terminal import one_line


class Board:
    """A dashboard with its runs.

    Args:
        spec: what to show.
        patterns: of which runs, as a person gives them; all, or the newest study that it is about, when unset.

    Attributes:
        sections: with the names that the runs have logged.
        groups: of the runs.
        shows_all: whether later runs belong to it too.
        study: the folder that all runs lie in, where they are of one study or compression.

    Raises:
        ValueError: there are no runs, none has logged one of the metrics, or nothing tells groups apart.
    """

    def __init__(self, spec: Spec, patterns: str | None = None) -> None:
        self.spec, self.runs = spec, runs_of(spec, patterns)
        try:
            self.sections = resolve(spec.sections, self.runs)
            self.groups = groups_by(spec.group_by, self.runs)
        except ValueError as error:
            raise ValueError(f"dashboard {spec.name}: {one_line(error)}") from error
        self.shows_all = patterns is None and spec.of == ABOUT_ALL
        self.study = study_of(self.runs)

    @property
    def title(self) -> str:
        """The dashboard's title, with the study that it is of."""
        return self.spec.title if self.study is None else f"{self.spec.title}: {self.runs[0].place.group}"

    @cached_property
    def sweep(self) -> SweepRecord | None:
        """The record of the sweep that all runs belong to; None without one, or before its end."""
        return None if self.study is None else read_sweep(self.study)

    def having(self, *metrics: str) -> list[RunGroup]:
        """The groups with those of their runs that have logged all of some metrics."""
        own = [
            group._replace(runs=[r for r in group.runs if all(m in r.curves for m in metrics)]) for group in self.groups
        ]
        return [group for group in own if group.runs]

    def highest_is_best(self, metric: str) -> bool:
        """Return whether a high value of a metric is a good one."""
        known = (run.found.headline for run in self.runs if run.found.headline is not None)
        headline = next(known, Headline("", 0.0, "max"))
        return direction_of(headline, metric.rpartition("/")[2]) != "min"

    def trials(self, metric: str) -> list[Trial]:
        """The best value of a metric over the validations of each run, with the run's settings, in order.

        Of a sweep these are its trials, and not the runs that are compared at its end.
        """
        best = max if self.highest_is_best(metric) else min
        return [
            Trial(run.found.folder.name, run.settings, best(run.curves[metric].values), metric)
            for run in self.runs
            if metric in run.curves and (self.sweep is None or run.found.folder.name in self.sweep.drawn)
        ]


def last(run: BoardRun, metric: str) -> float | None:
    """The last value of a metric that a run has logged; None if it has not."""
    return run.curves[metric].values[-1] if metric in run.curves else None
