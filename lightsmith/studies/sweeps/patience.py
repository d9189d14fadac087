"""Waiting for a database that is away for a while: restarted, or cut off from this machine."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, NoReturn, ParamSpec, Protocol, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from lightsmith.runs.failures import RunFailedError

RETRY_SECONDS = 1.0
# Called each time that the database cannot be reached, with the seconds since the first time in a row and the error.
# Raises to give up; otherwise there is another try.
Refused = Callable[[float, BaseException], None]
P = ParamSpec("P")
T = TypeVar("T")


class Patient(Protocol):
    """Has a say in what happens while the database is away."""

    refused: Refused


S = TypeVar("S", bound=Patient)


def give_up(_: float, error: BaseException) -> NoReturn:
    """Wait for nothing."""
    raise error


def keep_trying(_: float, __: BaseException) -> None:
    """Wait without end, as somebody else ends this process."""


def until_answered(operation: Callable[[], T], refused: Refused) -> T:
    """Do something at a database, and do it again as long as the database is away.

    Args:
        operation: may be done twice, as the database may have done it and only the answer is lost.
        refused: decides whether there is another try.
    """
    began = None
    while True:
        try:
            return operation()
        except Exception as error:
            away = cut_off(error)
            if away is None:
                raise
            now = time.monotonic()
            began = now if began is None else began
            refused(now - began, away)
        time.sleep(RETRY_SECONDS)


def patiently(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Make a method one that is done again while the database is away."""

    @wraps(method)
    def call(self: S, /, *arguments: P.args, **options: P.kwargs) -> T:
        return until_answered(lambda: method(self, *arguments, **options), self.refused)

    return call


def cut_off(error: BaseException | None) -> BaseException | None:
    """Find the driver's error behind one, if that is that a server cannot be reached or has ended the connection."""
    while error is not None and not isinstance(error, RunFailedError):
        if isinstance(error, OperationalError | InterfaceError) and not isinstance(error.orig, sqlite3.Error):
            return error.orig
        error = error.__cause__ or error.__context__
    return None
