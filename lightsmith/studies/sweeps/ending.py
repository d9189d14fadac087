"""The end of a sweep: its table, which settings mattered, and the winner beside the default settings."""

from __future__ import annotations

import warnings
from typing import Any

from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from lightsmith.replace_file import replace_json
from lightsmith.studies.comparison import compare_runs
from lightsmith.studies.comparisons.answer import Comparison
from lightsmith.studies.comparisons.lines import print_comparison
from lightsmith.studies.study import Member
from lightsmith.studies.sweeps.compared_runs import compared_names, compared_options, recorded
from lightsmith.studies.sweeps.live_table import outcome_of, table_of
from lightsmith.studies.sweeps.patience import until_answered
from lightsmith.studies.sweeps.sweep import TRIALS, Sweep, trial_name
from lightsmith.studies.sweeps.trials import ENDED, Trials
from lightsmith.terminal import one_line, shown

SCHEMA = 1
WIDTH = 120


def has_result(sweep: Sweep) -> bool:
    """Return whether a sweep has come to its end."""
    return (sweep.folder / TRIALS).is_file()


def end_sweep(trials: Trials) -> int:
    """Print and write down what came out.

    Returns:
        Exit code: 1 if no trial finished, or the runs at the end cannot be compared, otherwise 0.
    """
    sweep, best, importance = trials.sweep, trials.best(), importance_of(trials)
    Console(width=WIDTH).print(table_of(trials, trials.all(), marked=best))
    if importance:
        print("importance " + ", ".join(f"{key} {share:.0%}" for key, share in importance.items()))
    found, problem = _compared(trials)
    record = {
        "schema": SCHEMA,
        "metric": sweep.plan.metric,
        "direction": sweep.plan.direction,
        "best": best and trial_name(best.number + 1),
        "importance": importance,
        "trials": [_record(trials, trial) for trial in trials.all()],
        "comparison": found and found.as_json(),
    }
    sweep.study.with_members(_members(trials))
    replace_json(sweep.folder / TRIALS, record)
    if found is not None:
        print_comparison(found)
    print(f"sweep      {shown(sweep.folder)}/  ({TRIALS}, study.json, a run folder for each trial){problem}")
    return 0 if found is not None else 1


def _members(trials: Trials) -> list[Member]:
    """The runs of the study with the options that each was given."""
    sweep = trials.sweep
    drawn = [Member(trial_name(trial.number + 1), sweep.space.options(trial.params)) for trial in trials.all()]
    names = [name for group in compared_names(trials).values() for name in group]
    return [*drawn, *(Member(name, compared_options(trials, name)) for name in names)]


def _compared(trials: Trials) -> tuple[Comparison | None, str]:
    """The winner beside the default settings, or why there is no such comparison."""
    try:
        return compare_runs(recorded(trials)), ""
    except ValueError as error:  # no trial finished, or the runs failed
        return None, f"; nothing to compare: {one_line(error)}"


def importance_of(trials: Trials) -> dict[str, float]:
    """The share of the variance over finished trials that each setting accounts for (fANOVA, Hutter et al. 2014).

    Empty for fewer than two trials, or where all have the same value.
    """
    finished = [trial for trial in trials.all() if trial.state == TrialState.COMPLETE]
    if len({trial.value for trial in finished}) < 2:
        return {}
    evaluator = FanovaImportanceEvaluator(seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = until_answered(lambda: get_param_importances(trials.study, evaluator=evaluator), trials.refused)
    return {key: round(share, 4) for key, share in found.items()}


def _record(trials: Trials, trial: FrozenTrial) -> dict[str, Any]:
    ending = trial.user_attrs.get(ENDED) or {}
    return {
        "name": trial_name(trial.number + 1),
        "outcome": outcome_of(trial),
        "reason": ending.get("reason", ""),
        "value": trials.value_of(trial),
        "settings": trial.params,
        "validations": [value for _, value in sorted(trial.intermediate_values.items())],
        "epochs": ending.get("epochs", 0),
        "seconds": ending.get("seconds", 0.0),
        "weights_sha256": ending.get("weights_sha256"),
    }
