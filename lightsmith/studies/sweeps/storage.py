"""Storage of a sweep's trials: Optuna's journal in the study's folder, or a database."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from sqlalchemy import URL, NullPool, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from lightsmith.terminal import nearest, one_line

JOURNAL = "journal.log"
LEASES = "leases.sqlite"
# A server that does not answer counts as away within some ten seconds, well before a lease ends.
CONNECTION = {
    "connect_timeout": 10,
    "tcp_user_timeout": 10_000,  # in milliseconds, unlike the others
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class JournalLock(JournalFileSymlinkLock):
    """A lock on the journal that ends with its process, and takes away the half of a line that a dead one left.

    Optuna's own is a link that stays behind when its process is killed, and everybody waits until it is half a minute
    old; half a line makes the journal unreadable for good. Of the file system it needs flock(2), as NFS 4 has it.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self._journal = journal
        self._file = -1

    def acquire(self) -> bool:
        self._file = os.open(self._journal, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        end = os.fstat(self._file).st_size
        if end and os.pread(self._file, 1, end - 1) != b"\n":
            os.ftruncate(self._file, self._journal.read_bytes().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        os.close(self._file)


def open_storage(folder: Path, database: str | None) -> BaseStorage:
    """Optuna's storage of the study in a folder; no connection stays open, as processes are forked.

    Raises:
        ValueError: the database cannot be reached.
    """
    if database is None:
        journal = folder / JOURNAL
        return JournalStorage(JournalFileBackend(str(journal), lock_obj=JournalLock(journal)))
    try:
        kwargs = {"poolclass": NullPool, "connect_args": CONNECTION}
        return RDBStorage(address(database).render_as_string(False), engine_kwargs=kwargs)
    except (SQLAlchemyError, OSError) as error:
        raise ValueError(f"--storage={public(database)} cannot be used: {one_line(error)}") from error


def leases_address(folder: Path, database: str | None) -> URL:
    """The address of the database that holds the leases: a file beside the journal, or the one of the trials."""
    return make_url(f"sqlite:///{(folder / LEASES).absolute()}") if database is None else address(database)


def address(database: str) -> URL:
    """The address of a database with its driver.

    Raises:
        ValueError: it is none, or of another kind than PostgreSQL.
    """
    try:
        url = make_url(database)
    except ArgumentError as error:
        raise ValueError("--storage is no address such as postgresql://user@host/database") from error
    if url.drivername not in (*DRIVERS, *DRIVERS.values()):
        near = nearest(url.drivername, list(DRIVERS))
        raise ValueError(f"--storage={url.drivername}://… is no postgresql://user@host/database{near}")
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def public(database: str) -> str:
    """The address without its password, for records and messages."""
    url = address(database)
    where = {"username": url.username, "host": url.host, "database": url.database}
    return URL.create("postgresql", **where, port=url.port, query=url.query).render_as_string(False)
