"""Leases: which worker has which run of a sweep, and whether it is alive."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from lightsmith.records.status import process_start
from lightsmith.studies.sweeps.patience import Refused, cut_off, give_up, patiently
from lightsmith.studies.sweeps.storage import CONNECTION

BEAT_SECONDS = 1.0  # between two signs of life
LEASE_SECONDS = 30.0  # without one, after which a run is anybody's
SURE_SECONDS = 15.0  # without one, for which a run is surely ours, however long the database takes not to answer
GONE_SECONDS = 3.0  # the same where the worker's process is known to be gone: what it started ends within one
# The clock of whoever keeps the leases, so that machines with wrong clocks agree.
NOW = {"sqlite": "(julianday('now') * 86400.0)", "postgresql": "extract(epoch from clock_timestamp())"}
TABLE = """CREATE TABLE IF NOT EXISTS lightsmith_leases (
    study TEXT NOT NULL, run TEXT NOT NULL, holder TEXT NOT NULL, host TEXT NOT NULL, process INTEGER NOT NULL,
    process_start TEXT NOT NULL, beat DOUBLE PRECISION NOT NULL, PRIMARY KEY (study, run))"""
TAKE = """INSERT INTO lightsmith_leases (study, run, holder, host, process, process_start, beat)
    VALUES (:study, :run, :holder, :host, :process, :process_start, {now})
    ON CONFLICT (study, run) DO UPDATE SET holder = excluded.holder, host = excluded.host, process = excluded.process,
    process_start = excluded.process_start, beat = excluded.beat
    WHERE lightsmith_leases.holder = :former AND {now} - lightsmith_leases.beat > :patience"""
RENEW = "UPDATE lightsmith_leases SET beat = {now} WHERE study = :study AND run = :run AND holder = :holder"
GIVE_BACK = "DELETE FROM lightsmith_leases WHERE study = :study AND run = :run AND holder = :holder"
FIND = "SELECT holder, host, process, process_start FROM lightsmith_leases WHERE study = :study AND run = :run"
HELD = "SELECT run FROM lightsmith_leases WHERE study = :study AND {now} - beat < :patience"


@dataclass(frozen=True)
class Holder:
    """A process that holds leases, told from every other one of any machine."""

    name: str
    host: str
    process: int
    process_start: str

    @classmethod
    def here(cls) -> Holder:
        """The holder that is this process."""
        return cls(uuid4().hex, socket.gethostname(), os.getpid(), process_start(os.getpid()) or "")

    @property
    def is_gone(self) -> bool:
        """Return whether it is of this machine, and has ended."""
        return self.host == socket.gethostname() and process_start(self.process) != self.process_start


class Leases:
    """The leases of one study's runs. Each step is one statement of SQL, which a database does wholly or not at all.

    Args:
        url: of the database that keeps them.
        study: name of the study.
        holder: who takes and renews.
        refused: decides how long to wait while the database is away.
    """

    def __init__(self, url: URL, study: str, holder: Holder, refused: Refused = give_up) -> None:
        waits = {"timeout": 60} if url.drivername == "sqlite" else CONNECTION
        self._engine = create_engine(url, poolclass=NullPool, connect_args=waits)  # no connection outlives a fork
        self._now = NOW[self._engine.dialect.name]
        self._study = study
        self._holder = holder
        self._sure_until = 0.0  # of the lease taken last, by this machine's clock
        self.refused = refused

    @patiently
    def prepare(self) -> None:
        """Make the table, if it is not there."""
        with self._connection() as connection:
            connection.execute(text(TABLE))

    @patiently
    def take(self, run: str) -> bool:
        """Take a run that nobody has, or whose holder is dead; return whether it is ours now."""
        with self._connection() as connection:
            found = connection.execute(text(FIND), {"study": self._study, "run": run}).first()
            former = Holder(*found) if found else None
            patience = GONE_SECONDS if former and former.is_gone else LEASE_SECONDS
            given = {
                **self._key(run),
                "host": self._holder.host,
                "process": self._holder.process,
                "process_start": self._holder.process_start,
                "former": former.name if former else "",
                "patience": patience,
            }
            self._sure_until = time.monotonic() + SURE_SECONDS
            return connection.execute(text(TAKE.format(now=self._now)), given).rowcount == 1

    def renew(self, run: str) -> bool:
        """Give a sign of life; return whether the run is still ours.

        While the database is away it is, as long as nobody else can have taken it.
        """
        now = time.monotonic()
        try:
            with self._connection() as connection:
                ours = connection.execute(text(RENEW.format(now=self._now)), self._key(run)).rowcount == 1
        except SQLAlchemyError as error:
            if cut_off(error) is None:
                raise
            return now < self._sure_until
        self._sure_until = now + SURE_SECONDS
        return ours

    @patiently
    def give_back(self, run: str) -> None:
        """End a lease, if it is still ours."""
        with self._connection() as connection:
            connection.execute(text(GIVE_BACK), self._key(run))

    @patiently
    def held(self) -> set[str]:
        """The runs of which somebody gave a sign of life lately."""
        with self._connection() as connection:
            given = {"study": self._study, "patience": LEASE_SECONDS}
            return {str(row[0]) for row in connection.execute(text(HELD.format(now=self._now)), given)}

    def _key(self, run: str) -> dict[str, str]:
        return {"study": self._study, "run": run, "holder": self._holder.name}

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection
