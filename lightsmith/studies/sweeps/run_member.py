"""One run of a sweep, in a process forked from a worker that has imported everything."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from callbacks.guard_numerics import NonFiniteError
from callbacks.measure_fit import MeasureFit
from lightsmith.checkpoints.rebuild import read_checkpoint
from lightsmith.records.gather import weights_sha256
from lightsmith.run_folder import BEST_CHECKPOINT
from lightsmith.runs.experiment import ExperimentCLI
from lightsmith.runs.out_of_memory import ran_out_of_memory
from lightsmith.runs.trainer import ExperimentTrainer
from lightsmith.studies.child_runs import options_in
from lightsmith.studies.sweeps.forks import with_output
from lightsmith.studies.sweeps.patience import keep_trying, until_answered
from lightsmith.studies.sweeps.report_trial import ReportTrial
from lightsmith.studies.sweeps.sweep import OUTPUT, Sweep
from lightsmith.studies.sweeps.trials import ENDED, Ending, Outcome, Trials
from lightsmith.terminal import one_line


class TrialCLI(ExperimentCLI):
    """An experiment that is fitted as one trial of a sweep.

    Args:
        args: of the command line.
        reporter: reports its validations.
    """

    def __init__(self, args: list[str], reporter: ReportTrial) -> None:
        self._reporter = reporter
        super().__init__(args)

    def build_trainer(self, **kwargs: object) -> ExperimentTrainer:
        """The Trainer with one more callback, which is no part of the run's own settings."""
        trainer = super().build_trainer(**kwargs)
        trainer.callbacks.insert(0, self._reporter)
        return trainer


def run_trial(sweep: Sweep, number: int, options: Sequence[str]) -> None:
    """Fit a trial in its folder, from where it was; note at the end how it ended. A signal ends it before that."""
    with_output(sweep.folder / OUTPUT / f"{sweep.trial_folder(number).name}.txt")
    trials = until_answered(lambda: Trials(sweep, keep_trying), keep_trying)  # its worker ends it, if need be
    folder = sweep.trial_folder(number)
    reporter = ReportTrial(sweep.plan.metric, lambda validation, value: trials.report(number, validation, value))
    try:
        cli = TrialCLI(["fit", *options_in(folder, options)], reporter)
        ending = _ending(cli, reporter, folder)
    except Exception as error:  # noqa: BLE001  # whatever it is, the sweep goes on
        print(one_line(error), file=sys.stderr, flush=True)
        ending = Ending(_outcome(error), one_line(error))
    trials.note(number, ENDED, asdict(ending))


def run_compared(sweep: Sweep, name: str, options: Sequence[str]) -> None:
    """Train and test a run of the comparison in its folder, from where it was."""
    with_output(sweep.folder / OUTPUT / f"{name}.txt")
    ExperimentCLI(["run", *options_in(sweep.folder / name, options)])


def _ending(cli: TrialCLI, reporter: ReportTrial, folder: Path) -> Ending:
    trainer: Any = cli.trainer
    measured = next((callback for callback in trainer.callbacks if isinstance(callback, MeasureFit)), None)
    best = folder / BEST_CHECKPOINT
    digest = weights_sha256(read_checkpoint(best)["state_dict"]) if best.is_file() else None
    seconds = round(measured.seconds, 3) if measured else 0.0
    outcome: Outcome = "finished"
    reason = ""
    if reporter.pruned:
        outcome, reason = "pruned", f"in validation {reporter.pruned}"
    return Ending(outcome, reason, trainer.current_epoch, seconds, digest)


def _outcome(error: BaseException | None) -> Outcome:
    """Tell from an error, and those behind it, whether the settings led to it."""
    while error is not None:
        if isinstance(error, NonFiniteError):
            return "not finite"
        if ran_out_of_memory(error):
            return "out of memory"
        error = error.__cause__ or error.__context__
    return "failed"
