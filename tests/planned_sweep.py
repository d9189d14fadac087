"""A sweep whose trials are planned, in the current folder, and ended by hand."""

from __future__ import annotations

from pathlib import Path

from lightsmith.studies.study import Study
from lightsmith.studies.sweeps.sweep import SPACE, Plan, Sweep
from lightsmith.studies.sweeps.trials import ENDED, Trials

BAYES = "method: bayes\nparameters: {model.lr: {min: 0.0, max: 1.0}, model.k: {values: [[1], [2]]}}\n"
GRID = "method: grid\nparameters: {model.lr: {values: [0.1, 0.2]}, model.k: {min: 1, max: 2}}\n"


def sweep_of(space: str, trials: int = 3, direction: str = "max") -> Sweep:
    """A sweep without a file but its space."""
    Path(SPACE).write_text(space)
    study = Study("sweep", "mnist_mlp", [], [], [], [], Path())
    plan = Plan("name", trials, "val/accuracy", direction, 4, 1, 1, None)  # type: ignore[arg-type]
    return Sweep(study, plan, None)


def planned(space: str = BAYES, trials: int = 3, direction: str = "max") -> Trials:
    """Its trials, none of them begun."""
    made = Trials(sweep_of(space, trials, direction))
    made.plan()
    return made


def ended(trials: Trials, number: int, outcome: str, *values: float) -> bool:
    """Draw a trial, report these values, and settle it; return whether it has ended."""
    trials.draw(number)
    for validation, value in enumerate(values, 1):
        trials.report(number, validation, value)
    trials.note(number, ENDED, {"outcome": outcome, "reason": f"it {outcome}"})
    return trials.settle(number)
