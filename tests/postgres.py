"""A PostgreSQL server of one's own, in a folder, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest


def programs() -> Path | None:
    """The folder with PostgreSQL's server programs, if there are any here."""
    found = shutil.which("initdb")
    installed = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return installed[-1] if installed else None


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server with an empty database, running from the start."""

    address: str
    start: Callable[[], None]
    stop: Callable[[], None]


@contextmanager
def postgres(host: str = "127.0.0.1") -> Iterator[str]:
    """The address of an empty database at an address of this machine."""
    with postgres_server(host) as server:
        yield server.address


@contextmanager
def postgres_server(host: str = "127.0.0.1") -> Iterator[Server]:
    """A server at an address of this machine; a test without PostgreSQL on its machine skips.

    The server refuses to run as root, who lends it the user postgres or nobody.
    """
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    user = pwd.getpwuid(os.getuid()) if os.getuid() else _unprivileged()
    with tempfile.TemporaryDirectory(prefix="lightsmith-postgres-") as folder, socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        os.chown(folder, user.pw_uid, user.pw_gid)
        data = f"{folder}/data"
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "cwd": folder} if not os.getuid() else {"cwd": folder}

        def run(program: str, *arguments: str) -> None:
            command = [str(bin_folder / program), *arguments]
            subprocess.run(command, check=True, capture_output=True, **as_user)

        run("initdb", "-D", data, "-U", "sweeper", "--auth=trust")
        with Path(data, "pg_hba.conf").open("a") as access:
            access.write("host all all samenet trust\n")
        options = f"-p {port} -h {host} -k {folder} -c fsync=off"
        start = partial(run, "pg_ctl", "-D", data, "-w", "-o", options, "-l", f"{folder}/log", "start")
        stop = partial(run, "pg_ctl", "-D", data, "-m", "immediate", "stop")
        start()
        try:
            yield Server(f"postgresql://sweeper:secret@{host}:{port}/postgres", start, stop)
        finally:
            if Path(data, "postmaster.pid").exists():
                stop()


def _unprivileged() -> pwd.struct_passwd:
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]
