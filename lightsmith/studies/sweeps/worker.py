"""A worker of a sweep: takes one run after another, each in a process of its own, until all have ended."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import NamedTuple

from lightsmith.records.status import read_status
from lightsmith.studies.machine_share import one_gpu
from lightsmith.studies.study import Member
from lightsmith.studies.sweeps.compared_runs import compared_names, compared_options, has_ended
from lightsmith.studies.sweeps.forks import fork
from lightsmith.studies.sweeps.leases import BEAT_SECONDS, Holder, Leases
from lightsmith.studies.sweeps.patience import until_answered
from lightsmith.studies.sweeps.run_member import run_compared, run_trial
from lightsmith.studies.sweeps.storage import leases_address
from lightsmith.studies.sweeps.sweep import Sweep, trial_name
from lightsmith.studies.sweeps.trials import Trials

IDLE_SECONDS = 0.5


class Job(NamedTuple):
    """A run that is to be made: its folder's name, and the number of its trial, 0 where it is none."""

    name: str
    number: int


def work(sweep: Sweep, place: int) -> None:
    """Make runs of a sweep until none is left, a signal comes, or the process that started this one is gone.

    Args:
        place: of this worker among those of the machine, from 0.
    """
    os.environ |= one_gpu(place)
    os.setsid()  # the terminal's Ctrl-C goes to the first process alone, which tells the others
    worker = Worker(sweep)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while not worker.stopping:
        jobs = worker.open_jobs()
        if not jobs:
            break
        if not any(worker.take(job) for job in jobs):
            time.sleep(IDLE_SECONDS * random.uniform(0.5, 1.5))


class Worker:
    """One process that holds leases; what it runs is forked from it, so it starts no threads."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.stopped = False
        self._parent = os.getppid()
        self.trials = until_answered(lambda: Trials(sweep, self._refused), self._refused)
        url = leases_address(sweep.folder, sweep.database)
        self._leases = Leases(url, sweep.plan.name, Holder.here(), self._refused)

    def stop(self) -> None:
        """Begin nothing any more, and end what is running, resumable."""
        self.stopped = True

    @property
    def stopping(self) -> bool:
        return self.stopped or os.getppid() != self._parent

    def _refused(self, _: float, __: BaseException) -> None:
        """Wait for the database as long as the first process does, which says so."""
        if self.stopping:
            raise SystemExit(0)

    def open_jobs(self) -> list[Job]:
        """List what has not ended yet, begun runs first; the runs of the comparison once all trials have ended."""
        trials = self.trials.all()
        unended = [trial for trial in trials if not trial.state.is_finished()]
        unended.sort(key=lambda trial: (trial.state.name != "RUNNING", trial.number))
        if unended:
            return [Job(trial_name(trial.number + 1), trial.number + 1) for trial in unended]
        names = (name for group in zip(*compared_names(self.trials).values(), strict=True) for name in group)
        return [Job(name, 0) for name in names if not has_ended(self.sweep.folder / name)]

    def take(self, job: Job) -> bool:
        """Make a run, unless another worker has it; return whether it was ours."""
        status = read_status(self.sweep.folder / job.name)
        if status is not None and status.state == "running" and status.host == socket.gethostname():
            return False  # what a dead worker started is ending
        if not self._leases.take(job.name):
            return False
        try:
            if self._ended(job):  # by the one who had it before
                return True
            self._run(job)
        finally:
            self._leases.give_back(job.name)
        return True

    def _ended(self, job: Job) -> bool:
        return self.trials.settle(job.number) if job.number else has_ended(self.sweep.folder / job.name)

    def _run(self, job: Job) -> None:
        """Fork the run, give signs of life until it has ended, and settle it if it is ours still."""
        target = self._target(job)
        if not self._leases.renew(job.name):  # the database was away while the settings were drawn
            return
        process = fork(target, job.name)
        told = False
        while not wait([process.sentinel], timeout=BEAT_SECONDS):
            # This machine slept, or is cut off from the database: somebody else goes on with it, or soon may.
            if not self._leases.renew(job.name):
                process.kill()
                process.join()
                return
            if self.stopping and not told:
                process.terminate()
                told = True
        process.join()
        if job.number and not told and (process.exitcode or 0) < 0:
            self.trials.killed(job.number)
        self._ended(job)

    def _target(self, job: Job) -> Callable[[], None]:
        """Give the function that the forked process runs."""
        study = self.sweep.study
        if not job.number:
            options = compared_options(self.trials, job.name)
            return lambda: run_compared(self.sweep, job.name, study.command_of(Member(job.name, options)))
        options = self.sweep.space.options(self.trials.draw(job.number))
        return lambda: run_trial(self.sweep, job.number, study.command_of(Member(job.name, options)))
