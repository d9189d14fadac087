"""The end of a sweep: its table, which settings mattered, and the winner beside the default settings."""

from __future__ import annotations

import json
import warnings
from typing import Any

from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from lightsmith.replace_file import replace_file
from lightsmith.studies.comparison import compare_runs
from lightsmith.studies.comparisons.lines import print_comparison
from lightsmith.studies.sweeps.compared_runs import recorded
from lightsmith.studies.sweeps.live_table import outcome_of, table_of
from lightsmith.studies.sweeps.sweep import Sweep, trial_name
from lightsmith.studies.sweeps.trials import ENDED, Trials
from lightsmith.terminal import shown

SCHEMA = 1
FILE = "trials.json"


def has_result(sweep: Sweep) -> bool:
    """Return whether a sweep has come to its end."""
    return (sweep.folder / FILE).is_file()


def end_sweep(trials: Trials) -> int:
    """Print and write down what came out.

    Returns:
        Exit code: 1 if no trial finished, otherwise 0.
    """
    sweep, best = trials.sweep, trials.best()
    importance = importance_of(trials)
    Console(width=120).print(table_of(trials, trials.all(), marked=best))
    for key, share in importance.items():
        print(f"importance {key:<30} {share:.0%}")
    folders = [folder for group in recorded(sweep).values() for folder in group]
    found = compare_runs(folders) if best is not None else None
    record = {
        "schema": SCHEMA,
        "metric": sweep.plan.metric,
        "direction": sweep.plan.direction,
        "best": None if best is None else trial_name(best.number + 1),
        "importance": importance,
        "trials": [_record(trials, trial) for trial in trials.all()],
        "comparison": None if found is None else found.as_json(),
    }
    options = [sweep.space.options(trial.params) for trial in trials.all()]
    sweep.study.with_members(sweep.members(options))
    replace_file(sweep.folder / FILE, f"{json.dumps(record, indent=1)}\n".encode())
    if found is not None:
        print_comparison(found)
        print(f"sweep      {shown(sweep.folder)}/  (study.json, {FILE}, a run folder for each trial)")
        return 0
    print(f"sweep      no trial finished; the reasons are in {shown(sweep.folder)}/{FILE}")
    return 1


def importance_of(trials: Trials) -> dict[str, float]:
    """The share of the variance over finished trials that each setting accounts for (fANOVA, Hutter et al. 2014).

    Empty for fewer than two trials, or where all have the same value.
    """
    finished = [trial for trial in trials.all() if trial.state == TrialState.COMPLETE]
    if len({trial.value for trial in finished}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = get_param_importances(trials.study, evaluator=FanovaImportanceEvaluator(seed=0))
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
