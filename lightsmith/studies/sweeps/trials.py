"""The trials of a sweep at Optuna: drawn, reported, ended, each once."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lightsmith.records.parts import BEST
from lightsmith.studies.sweeps.patience import Refused, give_up, patiently
from lightsmith.studies.sweeps.samplers import pruner_of, sampler_of
from lightsmith.studies.sweeps.storage import open_storage
from lightsmith.studies.sweeps.sweep import Sweep

MOST_ATTEMPTS = 2
MOST_KILLS = 3  # of one run in a row that gets no further, as when the system's memory is short
ENDED, FAILURES, KILLS = "ended", "failures", "kills"  # attributes of a trial
DIRECTIONS = {"max": StudyDirection.MAXIMIZE, "min": StudyDirection.MINIMIZE}

Outcome = Literal["finished", "pruned", "out of memory", "not finite", "failed"]


@dataclass(frozen=True)
class Ending:
    """The end of a trial's run.

    Attributes:
        outcome: all but ``failed`` are results of the settings; one that failed is tried once more.
        reason: one line; empty for one that finished.
        epochs: begun and ended.
        seconds: of the fit.
        weights_sha256: of the best weights; None where there are none.
    """

    outcome: Outcome
    reason: str = ""
    epochs: int = 0
    seconds: float = 0.0
    weights_sha256: str | None = None


class Trials:
    """The trials of a sweep. Who holds a trial's lease draws, reports and ends it; number 1 is the first.

    All of them are written down when the sweep begins, so that none is lost or made twice later.

    Args:
        sweep: whose they are.
        refused: decides how long to wait while the database is away, once they have been found there.
    """

    def __init__(self, sweep: Sweep, refused: Refused = give_up) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        logging.getLogger("optuna.storages").setLevel(logging.ERROR)
        self.sweep = sweep
        self.refused = refused
        self.storage = open_storage(sweep.folder, sweep.database)
        plan = sweep.plan
        self.study = optuna.create_study(
            storage=self.storage,
            study_name=plan.name,
            direction=DIRECTIONS[plan.direction],
            pruner=pruner_of(sweep.space.stopping, plan.epochs),
            load_if_exists=True,
        )

    def plan(self) -> None:
        """Write down the trials that are still lacking, of a grid with their settings; wait for no database.

        Who has waited may not be the one any more who is to do this.
        """
        space = self.sweep.space
        points: Sequence[dict[str, Any]] = space.grid() if space.method == "grid" else []
        for n in range(len(self.study.get_trials(deepcopy=False)), self.sweep.plan.trials):
            self.study.enqueue_trial(points[n] if points else {})

    @patiently
    def all(self) -> list[FrozenTrial]:
        """Every trial in the order of their numbers."""
        return self.study.get_trials(deepcopy=False)

    @patiently
    def read(self, number: int) -> FrozenTrial:
        """A trial as it stands now."""
        return self.storage.get_trial(self._id(number))

    def _id(self, number: int) -> int:
        study = self.storage.get_study_id_from_name(self.sweep.plan.name)
        return self.storage.get_trial_id_from_study_id_trial_number(study, number - 1)

    @patiently
    def draw(self, number: int) -> dict[str, Any]:
        """The settings of a trial, by key: drawn now, or what was drawn for it before."""
        trial_id = self._id(number)
        self.storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        self.study.sampler = sampler_of(self.sweep.space.method, self.sweep.plan.seed, number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            trial = optuna.Trial(self.study, trial_id)
            return {parameter.key: parameter.draw(trial) for parameter in self.sweep.space.parameters}

    @patiently
    def report(self, number: int, validation: int, value: float) -> bool:
        """Report the metric of a validation (1 for the first); return whether the trial should end now."""
        trial_id = self._id(number)
        self.storage.set_trial_intermediate_value(trial_id, validation, value)
        return bool(self.study.pruner.prune(self.study, self.storage.get_trial(trial_id)))  # NumPy's, in some

    @patiently
    def note(self, number: int, name: str, value: object) -> None:
        """Keep a fact about a trial that has not ended."""
        self.storage.set_trial_user_attr(self._id(number), name, value)

    def settle(self, number: int) -> bool:
        """End a trial by how its run ended, once; return whether it has ended.

        One that failed for the first time has not, nor one whose run was interrupted.
        """
        trial = self.read(number)
        if trial.state.is_finished():
            return True
        ending = trial.user_attrs.get(ENDED)
        if ending is None:
            return False
        failures = trial.user_attrs.get(FAILURES, [])
        if ending["outcome"] == "failed" and len(failures) + 1 < MOST_ATTEMPTS:
            self.note(number, FAILURES, [*failures, ending["reason"]])
            self.note(number, ENDED, None)
            return False
        value = self.value_of(trial)
        if ending["outcome"] == "finished" and value is None:
            ending = {**ending, "outcome": "not finite", "reason": f"{self.sweep.plan.metric} was never a number"}
            self.note(number, ENDED, ending)
        self._end(number, ending["outcome"], value)
        return True

    @patiently
    def _end(self, number: int, outcome: Outcome, value: float | None) -> None:
        """Tell Optuna. What the settings are to blame for is to be drawn less often: TPE takes it for pruned."""
        states = {"finished": TrialState.COMPLETE, "failed": TrialState.FAIL}
        values = [value] if outcome == "finished" and value is not None else None
        try:
            self.storage.set_trial_state_values(self._id(number), states.get(outcome, TrialState.PRUNED), values)
        except UpdateFinishedTrialError:  # by its holder before us, who was slow
            return

    def killed(self, number: int) -> None:
        """Note that a run was killed, though not its worker. One that is killed again and again at one place fails."""
        trial = self.read(number)
        kills = [*trial.user_attrs.get(KILLS, []), len(trial.intermediate_values)]
        self.note(number, KILLS, kills)
        if len(kills) >= MOST_KILLS and len(set(kills[-MOST_KILLS:])) == 1:
            reason = f"killed {MOST_KILLS} times at the same place: is the machine's memory short?"
            self.note(number, ENDED, {"outcome": "out of memory", "reason": reason})

    def value_of(self, trial: FrozenTrial) -> float | None:
        """The best value that a trial has reported; None if none was."""
        value: float | None = BEST[self.sweep.plan.direction](trial.intermediate_values.values(), default=None)
        return value

    def best(self) -> FrozenTrial | None:
        """The finished trial with the best value, of equal ones the first; None if none has finished."""
        finished = [trial for trial in self.all() if trial.state == TrialState.COMPLETE]
        best = BEST[self.sweep.plan.direction]  # gives the first of equal ones
        found: FrozenTrial | None = best(finished, key=lambda trial: trial.value or 0.0, default=None)
        return found
