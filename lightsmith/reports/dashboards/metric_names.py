"""The metrics of a dashboard by the names under which its runs have logged them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from lightsmith.reports.dashboards.board_runs import BoardRun
from lightsmith.reports.dashboards.spec import Panel, Section
from lightsmith.run_folder import BEST_CHECKPOINT
from lightsmith.settings.experiments import config_of
from lightsmith.terminal import nearest

HEADLINE = "/headline"  # what a name ends with that stands for the metric that runs are judged by
COUNT = "/n"  # what a name of a number of items ends with, which a pattern does not mean


def resolve(sections: Sequence[Section], runs: Sequence[BoardRun]) -> tuple[Section, ...]:
    """Put the names that the runs have logged in the place of ``val/headline`` and of patterns such as robustness/*.

    Where the runs are judged by different metrics, a panel of the headline becomes one for each.

    Raises:
        ValueError: no run has logged one of them, with the nearest name that one has.
    """
    known = list(dict.fromkeys(name for run in runs for name in run.curves))
    headlines = headlines_of(runs)
    return tuple(
        Section(section.title, tuple(new for panel in section.panels for new in _resolved(panel, known, headlines)))
        for section in sections
    )


def headlines_of(runs: Iterable[BoardRun]) -> list[str]:
    """The metrics that runs are judged by, each once: those recorded, or what an unfinished run's best is chosen by."""
    by_experiment: dict[str, str | None] = {}
    for run in sorted(runs, key=lambda run: run.found.headline is None):
        found, experiment = run.found, run.found.experiment
        if found.headline is not None:
            by_experiment[experiment] = found.headline.metric
        elif experiment not in by_experiment:
            by_experiment[experiment] = _monitored(config_of(found.folder))
    return list(dict.fromkeys(name for name in by_experiment.values() if name))


def _monitored(settings: Mapping[str, object]) -> str | None:
    """The metric that the best checkpoint is chosen by, without its split."""
    trainer = settings.get("trainer")
    callbacks = trainer.get("callbacks") if isinstance(trainer, dict) else None
    for entry in callbacks or []:
        options = entry.get("init_args") or {}
        if options.get("filename") == BEST_CHECKPOINT.stem and options.get("monitor"):
            return str(options["monitor"]).rpartition("/")[2]
    return None


def _resolved(panel: Panel, known: Sequence[str], headlines: Sequence[str]) -> Iterator[Panel]:
    """A panel for each headline that it means; of a table one, with a column for each."""
    versions = [panel.metrics]
    if any(name.endswith(HEADLINE) for name in panel.metrics) and headlines:
        versions = [tuple(name.replace(HEADLINE, f"/{own}") for name in panel.metrics) for own in headlines]
    logged = [metrics for metrics in versions if all(name in known or "*" in name for name in metrics)] or versions[:1]
    if panel.kind == "runs":
        logged = [tuple(dict.fromkeys(name for metrics in logged for name in metrics))]
    for metrics in logged:
        names = tuple(dict.fromkeys(name for metric in metrics for name in _names(metric, known)))
        also = f"{panel.title}: {', '.join(names)}" if len(logged) > 1 and panel.title else panel.title
        yield panel._replace(metrics=names, title=also or ", ".join(names))


def _names(metric: str, known: Sequence[str]) -> list[str]:
    """The names that a name or pattern means.

    Raises:
        ValueError: it means none.
    """
    if metric in known:
        return [metric]
    found = [name for name in known if fnmatchcase(name, metric) and not name.endswith(COUNT)]
    if "*" not in metric or not found:
        there = f" (they log {', '.join(known)})" if known else ": they have logged nothing yet"
        raise ValueError(f"{metric} is logged by none of these runs{nearest(metric, list(known))}{there}")
    return found
