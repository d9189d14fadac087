import os
import signal
import sys
import time
from pathlib import Path

import pytest

from lightsmith.runs.failures import RunFailedError
from lightsmith.studies.sweeps import master
from lightsmith.studies.sweeps.master import Master
from lightsmith.studies.sweeps.sweep import Sweep
from tests.planned_sweep import BAYES, sweep_of


def begun() -> list[str]:
    """The places at which workers began, in order."""
    return Path("begun").read_text().split() if Path("begun").exists() else []


def note(place: int) -> int:
    with Path("begun").open("a") as file:
        file.write(f"{place} ")
    return len(begun())


def test_the_trials_are_planned_and_the_sweep_ends_when_no_worker_finds_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master, "work", lambda sweep, place: note(place) and None)
    made = Master(sweep_of(BAYES), workers=2)
    made.run()
    assert len(made.trials.all()) == 3
    assert sorted(begun()) == ["0", "1"]


def test_a_worker_that_is_killed_is_replaced_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies_at_first(sweep: Sweep, place: int) -> None:
        if note(place) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(master, "work", dies_at_first)
    Master(sweep_of(BAYES), workers=1).run()
    assert begun() == ["0", "0"]


def test_workers_that_fail_by_themselves_end_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(master, "work", lambda sweep, place: sys.exit(1))
    with pytest.raises(RunFailedError, match="workers fail by themselves, 6 times"):
        Master(sweep_of(BAYES), workers=1).run()


def test_a_signal_lets_the_workers_end_and_then_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(sweep: Sweep, place: int) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(note(7) and 0))
        note(place)
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(30)

    monkeypatch.setattr(master, "work", waits)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        Master(sweep_of(BAYES), workers=1).run()
    assert ended.value.code == 143
    assert begun() == ["0", "7"]
    assert signal.getsignal(signal.SIGTERM) == before
