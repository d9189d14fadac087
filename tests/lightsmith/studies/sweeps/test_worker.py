import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lightsmith.records.status import write_status
from lightsmith.studies.sweeps import worker
from lightsmith.studies.sweeps.leases import Holder, Leases
from lightsmith.studies.sweeps.storage import leases_address
from lightsmith.studies.sweeps.trials import ENDED, KILLS, Trials
from lightsmith.studies.sweeps.worker import Job, Worker
from tests.planned_sweep import ended, planned


class HandWorker(Worker):
    """A worker whose runs are done by a function, in the forked process."""

    def __init__(self, trials: Trials, run: Callable[[Trials, int], None]) -> None:
        super().__init__(trials.sweep)
        self.by_hand = run

    def _target(self, job: Job) -> Callable[[], None]:
        self.trials.draw(job.number)
        return lambda: self.by_hand(Trials(self.sweep), job.number)


def finishes(trials: Trials, number: int) -> None:
    trials.report(number, 1, 0.5)
    trials.note(number, ENDED, {"outcome": "finished", "reason": ""})


def leases_of(trials: Trials) -> Leases:
    made = Leases(leases_address(Path(), None), trials.sweep.plan.name, Holder.here())
    made.prepare()
    return made


def test_a_worker_goes_on_with_what_was_begun_before_it_begins_anything() -> None:
    trials = planned()
    ended(trials, 1, "finished", 0.5)
    trials.draw(3)
    made = Worker(trials.sweep)
    assert made.open_jobs() == [Job("trial-0003", 3), Job("trial-0002", 2)]


def test_the_winner_is_compared_once_all_trials_have_ended() -> None:
    trials = planned(trials=1)
    ended(trials, 1, "finished", 0.5)
    names = [job.name for job in Worker(trials.sweep).open_jobs()]
    assert names[:3] == ["default-seed-2", "winner-0001-seed-2", "default-seed-3"]
    assert len(names) == 10
    Path("winner-0001-seed-2").mkdir()
    write_status(Path("winner-0001-seed-2"), "failed", "it could not")
    assert len(Worker(trials.sweep).open_jobs()) == 9  # it is not tried for ever


def test_without_a_finished_trial_there_is_nothing_to_compare() -> None:
    trials = planned(trials=1)
    ended(trials, 1, "not finite")
    assert Worker(trials.sweep).open_jobs() == []


def test_a_run_is_forked_and_settled_and_its_lease_given_back() -> None:
    trials = planned()
    leases = leases_of(trials)
    assert HandWorker(trials, finishes).take(Job("trial-0001", 1))
    assert trials.read(1).value == 0.5
    assert leases.held() == set()


def test_a_run_that_another_has_is_left_alone() -> None:
    trials = planned()
    assert leases_of(trials).take("trial-0001")
    assert not HandWorker(trials, finishes).take(Job("trial-0001", 1))
    Path("trial-0002").mkdir()
    write_status(Path("trial-0002"), "running")  # by this very process
    assert not HandWorker(trials, finishes).take(Job("trial-0002", 2))


def test_a_run_that_ended_without_being_settled_is_settled_and_not_made_again() -> None:
    trials = planned()
    leases_of(trials)
    trials.draw(1)
    finishes(trials, 1)

    def never(trials: Trials, number: int) -> None:
        trials.note(number, ENDED, {"outcome": "failed", "reason": "made again"})

    assert HandWorker(trials, never).take(Job("trial-0001", 1))
    assert trials.read(1).value == 0.5


def test_a_killed_run_is_noted_and_stays_open() -> None:
    trials = planned()
    leases_of(trials)

    def dies(trials: Trials, number: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    assert HandWorker(trials, dies).take(Job("trial-0001", 1))
    assert trials.read(1).user_attrs[KILLS] == [0]
    assert not trials.read(1).state.is_finished()


def test_a_worker_that_lost_its_lease_ends_the_run_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = planned()
    leases_of(trials)
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(Leases, "renew", lambda *_: False)

    def lasts(trials: Trials, number: int) -> None:
        time.sleep(20)
        finishes(trials, number)

    assert HandWorker(trials, lasts).take(Job("trial-0001", 1))
    assert ENDED not in trials.read(1).user_attrs
