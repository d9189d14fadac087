import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from lightsmith.runs.failures import RunFailedError
from lightsmith.studies.sweeps import master, patience
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


class Away:
    """Makes the database of a sweep's trials one that is away for a number of questions."""

    def __init__(self, made: Master, monkeypatch: pytest.MonkeyPatch, questions: int) -> None:
        self._left, self._ask = questions, made.trials.study.get_trials
        monkeypatch.setattr(made.trials.study, "get_trials", self.get_trials)
        monkeypatch.setattr(master, "public", lambda _: "postgresql://me@host/sweeps")
        monkeypatch.setattr(patience, "RETRY_SECONDS", 0.02)

    def get_trials(self, **options: Any) -> Any:
        self._left -= 1
        if self._left >= 0:
            raise OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused"))
        return self._ask(**options)


def test_a_database_that_is_away_is_waited_for_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(master, "work", lambda sweep, place: note(place) and None)
    made = Master(sweep_of(BAYES), workers=1)
    Away(made, monkeypatch, 3)
    made.run()
    assert capsys.readouterr().out == (
        "database   postgresql://me@host/sweeps is away (connection refused); waiting for up to 5 minutes\n"
    )
    assert begun() == ["0"]


def test_a_database_that_stays_away_ends_the_sweep_and_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(sweep: Sweep, place: int) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(note(7) and 0))
        note(place)
        time.sleep(30)

    monkeypatch.setattr(master, "work", waits)
    monkeypatch.setattr(master, "AWAY_SECONDS", 0.5)
    made = Master(sweep_of(BAYES), workers=1)
    made.trials.plan()
    monkeypatch.setattr(Master, "_compared", lambda _: Away(made, monkeypatch, 10_000) and "")  # once workers run
    line = "sweeps is away .connection refused.; all that was done is kept; go on, once it is there, with: make sweep"
    with pytest.raises(RunFailedError, match=line):
        made.run()
    assert begun() == ["0", "7"]


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
