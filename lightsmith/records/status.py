"""status.json: whether a run is going on, finished, failed or was interrupted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from lightsmith.replace_file import replace_json

SCHEMA = 1
FILE = "status.json"
DEAD = ("Z", "X")  # states of a process that has ended and that nobody has waited for yet
LOST = "its process ended without a word: it was killed, or the machine went down"

State = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True)
class Status:
    """The status of a run.

    Attributes:
        state: of a run that is not ``running``, how it ended.
        reason: why it failed or was interrupted.
        since: when it came into this state, UTC, ISO 8601.
        host: the machine's name.
        process: number of the process that runs it; of several, the first.
        process_start: what tells that process from a later one of the same number.
    """

    state: State
    reason: str | None
    since: str
    host: str
    process: int
    process_start: str | None
    schema: int = SCHEMA


def write_status(folder: Path, state: State, reason: str | None = None) -> None:
    """Write the status of a run that this process runs into its folder, durably.

    Raises:
        OSError: the disk cannot be written.
    """
    since = datetime.now(UTC).isoformat(timespec="seconds")
    status = Status(state, reason, since, socket.gethostname(), os.getpid(), process_start(os.getpid()))
    replace_json(folder / FILE, asdict(status))


def read_status(folder: Path) -> Status | None:
    """Read the status of the run in a folder; None where there is none, as in runs of earlier versions.

    A run that says that it is running counts as interrupted if its process is gone. Of a process on another machine
    nothing is known, so that what it says counts.
    """
    try:
        status = Status(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    here = status.host == socket.gethostname()
    if status.state == "running" and here and process_start(status.process) != status.process_start:
        return replace(status, state="interrupted", reason=LOST)
    return status


def process_start(number: int) -> str | None:
    """The moment at which a process of this machine began, as its system says it; None if there is no such process."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return _of_proc(number, boot)
    return _of_ps(number)


def _of_proc(number: int, boot: str) -> str | None:
    """The start of a process on Linux: the machine's own, and clock ticks since (proc_pid_stat(5), fields 3, 22)."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold blanks
    return None if fields[0] in DEAD else f"{boot} {fields[19]}"


def _of_ps(number: int) -> str | None:
    """The start of a process on macOS and other Unix systems: the time of day."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(number)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    state, _, started = ran.stdout.strip().partition(" ")
    return None if not started or state.startswith(DEAD) else started.strip()
