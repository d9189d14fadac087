"""The trials of a sweep as a person sees them: a table while they run, and one at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lightsmith.studies.sweeps.trials import ENDED, FAILURES, Trials
from lightsmith.terminal import empty_table, shortened

ROWS = 15
WIDEST_SETTING = 40


class LiveTable:
    """Shows the trials on a terminal while they run; elsewhere prints a line for each that ends."""

    def __init__(self, trials: Trials) -> None:
        self._trials = trials
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)  # which would start a thread
        self._started = time.monotonic()
        self._ended_before = {trial.number for trial in trials.all() if trial.state.is_finished()}
        self._said = set(self._ended_before)

    def __enter__(self) -> LiveTable:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, compared: str = "") -> None:
        """Show how the trials stand now.

        Args:
            compared: how far the comparison at the end is; empty before it begins.
        """
        trials = self._trials.all()
        if self._console.is_terminal:
            newest = sorted(trials, key=_order, reverse=True)[:ROWS]
            table = table_of(self._trials, sorted(newest, key=lambda trial: trial.number))
            self._live.update(Group(table, Text(self._line(trials, compared))), refresh=True)
            return
        for trial in trials:
            if trial.state.is_finished() and trial.number not in self._said:
                self._said.add(trial.number)
                print(f"{_described(self._trials, trial)}  ({self._line(trials, '')})", flush=True)

    def _line(self, trials: list[FrozenTrial], compared: str) -> str:
        counts = Counter(outcome_of(trial) for trial in trials if trial.state.is_finished())
        ended = sum(counts.values())
        others = [f"{count} {outcome}" for outcome, count in counts.items() if outcome != "finished"]
        found = ", ".join([f"{ended} of {len(trials)} trials", *others])
        return "; ".join(filter(None, [found, compared or self._time_left(ended, len(trials))]))

    def _time_left(self, ended: int, planned: int) -> str:
        """Estimate the time left from the trials that have ended since this command began."""
        new = ended - len(self._ended_before)
        if new <= 0 or ended == planned:
            return ""
        seconds = (time.monotonic() - self._started) / new * (planned - ended)
        return f"about {clock(seconds)} left"


def _order(trial: FrozenTrial) -> tuple[bool, int]:
    return trial.state != TrialState.WAITING, trial.number


def clock(seconds: float) -> str:
    """A time as 42 s, 3 min or 2 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes:02d} min"


def outcome_of(trial: FrozenTrial) -> str:
    """Name a trial's outcome in a word or two."""
    if trial.state.is_finished():
        return str((trial.user_attrs.get(ENDED) or {}).get("outcome", trial.state.name.lower()))
    if trial.state != TrialState.RUNNING:
        return "waiting"
    return "running again" if trial.user_attrs.get(FAILURES) else "running"


def settings_of(trial: FrozenTrial) -> dict[str, str]:
    """The settings of a trial as short texts, by key."""
    return {key: short(value) for key, value in trial.params.items()}


def short(value: object) -> str:
    """A value in a few characters: 0.00312 for 0.0031234567."""
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return shortened(text, WIDEST_SETTING)


def table_of(trials: Trials, shown: list[FrozenTrial], marked: FrozenTrial | None = None) -> Table:
    """A row for each trial: its outcome, value, epochs and settings."""
    keys = [parameter.key for parameter in trials.sweep.space.parameters]
    table = empty_table("trial", "outcome", trials.sweep.plan.metric, "validations", *keys, left=["outcome"])
    for trial in shown:
        value, settings = trials.value_of(trial), settings_of(trial)
        best = marked is not None and trial.number == marked.number
        table.add_row(
            f"{trial.number + 1}{' ←' if best else ''}",
            outcome_of(trial),
            "" if value is None else f"{value:.4f}",
            str(len(trial.intermediate_values) or ""),
            *(settings.get(key, "") for key in keys),
            style="bold" if best else None,
        )
    return table


def _described(trials: Trials, trial: FrozenTrial) -> str:
    return "  ".join(_parts(trials, trial))


def _parts(trials: Trials, trial: FrozenTrial) -> Iterator[str]:
    value = trials.value_of(trial)
    yield f"trial {trial.number + 1:<4} {outcome_of(trial)}"
    if value is not None:
        yield f"{trials.sweep.plan.metric} {value:.4f}"
    yield from (f"{key}={value}" for key, value in settings_of(trial).items())
    if reason := (trial.user_attrs.get(ENDED) or {}).get("reason"):
        yield str(reason)
