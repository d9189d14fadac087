"""The first process of a sweep: starts workers, starts them again when they die, and shows how it goes."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess

import torch

from lightsmith.runs.failures import RunFailedError
from lightsmith.studies.sweeps.compared_runs import compared_names, recorded
from lightsmith.studies.sweeps.forks import fork
from lightsmith.studies.sweeps.leases import Holder, Leases
from lightsmith.studies.sweeps.live_table import LiveTable
from lightsmith.studies.sweeps.patience import until_answered
from lightsmith.studies.sweeps.storage import leases_address, public
from lightsmith.studies.sweeps.sweep import OUTPUT, Sweep
from lightsmith.studies.sweeps.trials import Trials
from lightsmith.studies.sweeps.worker import work
from lightsmith.terminal import one_line, shown

POLL_SECONDS = 0.5
AWAY_SECONDS = 300.0  # for which the database may be away before the sweep ends, resumable
PATIENCE_SECONDS = 60  # for runs that are told to end, in which they save
MOST_CRASHES = 5  # of workers by an error of their own
PLANNING = "plan"  # the lease of whoever writes the trials down


class Master:
    """Keeps as many workers alive as were asked for."""

    def __init__(self, sweep: Sweep, workers: int) -> None:
        self.sweep = sweep
        self.trials = Trials(sweep, self._refused)
        self.signal = 0  # that tells the sweep to end
        self._count = workers
        self._workers: dict[int, BaseProcess] = {}
        self._crashes = 0

    def run(self) -> None:
        """Run the sweep until every run has ended, or a signal comes.

        Raises:
            RunFailedError: the workers cannot do it.
            SystemExit: a signal ended it; all is resumable.
        """
        self._plan()
        torch.set_num_threads(self.sweep.plan.threads)
        gc.freeze()  # what is imported by now is shared with the processes that are forked
        with self._signals_noted(), LiveTable(self.trials) as table:
            try:
                while not self.signal and self._tend():
                    table.show(self._compared())
                    time.sleep(POLL_SECONDS)
                table.show(self._compared())
            finally:
                self._end_workers()
        if self.signal:
            raise SystemExit(128 + self.signal)

    def _plan(self) -> None:
        """Write the trials down, unless another process of this sweep does."""
        url = leases_address(self.sweep.folder, self.sweep.database)
        leases = Leases(url, self.sweep.plan.name, Holder.here(), self._refused)
        leases.prepare()

        def plan() -> None:
            if leases.take(PLANNING):
                self.trials.plan()
                leases.give_back(PLANNING)
            else:
                time.sleep(POLL_SECONDS)

        while len(self.trials.all()) < self.sweep.plan.trials:
            until_answered(plan, self._refused)

    def _refused(self, seconds: float, error: BaseException) -> None:
        """Say once that the database is away, and wait for it; the workers do too, until this process ends them.

        Raises:
            RunFailedError: it has been away for too long.
            SystemExit: a signal came.
        """
        if self.signal:
            raise SystemExit(128 + abs(self.signal))
        database = public(self.sweep.database or "")
        if seconds > AWAY_SECONDS:
            goes_on = f"go on, once it is there, with: make sweep RESUME={shown(self.sweep.folder)}"
            raise RunFailedError(f"{database} is away ({one_line(error)}); all that was done is kept; {goes_on}")
        if not seconds:
            minutes = f"{AWAY_SECONDS / 60:.0f} minutes"
            print(f"database   {database} is away ({one_line(error)}); waiting for up to {minutes}", flush=True)

    def _tend(self) -> bool:
        """Start what workers are lacking; return whether any has something left to do."""
        for place in range(self._count):
            worker = self._workers.get(place)
            if worker is None:
                self._start(place)
            elif not worker.is_alive() and worker.exitcode != 0:  # one that ends with 0 found nothing left
                self._crashes += (worker.exitcode or 0) > 0
                self._start(place)
        if self._crashes > MOST_CRASHES:
            where = shown(self.sweep.folder)
            raise RunFailedError(f"workers fail by themselves, {self._crashes} times; see above, and {where}/{OUTPUT}/")
        return any(worker.is_alive() for worker in self._workers.values())

    def _start(self, place: int) -> None:
        self._workers[place] = fork(partial(work, self.sweep, place), f"sweep-worker-{place + 1}")

    def _compared(self) -> str:
        """Say how far the comparison at the end is; empty while there are trials to make."""
        if not all(trial.state.is_finished() for trial in self.trials.all()):
            return ""
        planned = sum(map(len, compared_names(self.trials).values()))
        return f"winner and default on fresh seeds: {len(recorded(self.trials))} of {planned} runs"

    def _end_workers(self) -> None:
        """Let the workers end what they run, which saves; a second signal ends all of it at once."""
        first, deadline = self.signal, time.monotonic() + PATIENCE_SECONDS
        workers = self._workers.values()
        for worker in workers:
            worker.terminate()
        while any(worker.is_alive() for worker in workers):
            if self.signal != first or time.monotonic() > deadline:
                for worker in workers:
                    worker.kill()  # and what they have forked ends with them
            time.sleep(0.05)

    @contextmanager
    def _signals_noted(self) -> Iterator[None]:
        """Note SIGINT and SIGTERM instead of ending at once."""

        def note(number: int, _: object) -> None:
            self.signal = -number if self.signal == number else number

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            self.signal = abs(self.signal)
            for number, handler in before.items():
                signal.signal(number, handler)
