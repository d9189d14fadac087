import sqlite3

import psycopg
import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError, ProgrammingError

from lightsmith.runs.failures import RunFailedError
from lightsmith.studies.sweeps import patience
from lightsmith.studies.sweeps.patience import Refused, cut_off, give_up, patiently, until_answered

REFUSED = psycopg.OperationalError("connection refused")


class Database:
    """Is away for a number of questions."""

    def __init__(self, away: int, refused: Refused) -> None:
        self.away = away
        self.refused = refused

    @patiently
    def ask(self, question: str) -> str:
        self.away -= 1
        if self.away >= 0:
            raise StorageInternalError("An exception is raised during the commit.") from of_driver(REFUSED)
        return question.upper()


def of_driver(error: Exception) -> OperationalError:
    """An error as SQLAlchemy passes it on."""
    passed = OperationalError("SELECT 1", {}, error)
    passed.__cause__ = error
    return passed


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "RETRY_SECONDS", 0.01)


def test_a_database_is_asked_again_until_it_is_back() -> None:
    told: list[float] = []

    def refused(seconds: float, error: BaseException) -> None:
        assert error is REFUSED
        told.append(seconds)

    assert Database(3, refused).ask("who") == "WHO"
    assert told[0] == 0
    assert 0.01 <= told[1] < told[2]


def test_whoever_asks_may_give_up() -> None:
    with pytest.raises(psycopg.OperationalError, match="connection refused"):
        Database(1, give_up).ask("who")


def test_a_mistake_is_not_repeated() -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise ProgrammingError("SELEC 1", {}, psycopg.ProgrammingError("syntax error"))

    with pytest.raises(ProgrammingError):
        until_answered(ask, lambda *_: None)
    assert asked == [1]


def test_who_has_given_up_is_not_asked_again_by_one_who_waits_around_it() -> None:
    def too_long(seconds: float, error: BaseException) -> None:
        raise RunFailedError("away for too long")

    with pytest.raises(RunFailedError, match="away for too long"):
        until_answered(lambda: Database(1, too_long).ask("who"), lambda *_: None)


def test_only_a_server_is_away() -> None:
    assert cut_off(of_driver(REFUSED)) is REFUSED
    assert cut_off(of_driver(sqlite3.OperationalError("disk full"))) is None
    assert cut_off(OSError("disk full")) is None
