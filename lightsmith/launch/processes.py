"""The processes of one run end together: none waits for one that is gone, and none is left behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from subprocess import Popen
from typing import Any

from lightning.pytorch.strategies.launchers import subprocess_script

from lightsmith.launch.slurm import TIME_IS_UP
from lightsmith.runs.failures import PROCESS_ENDED

POLL_SECONDS = 0.5
GRACE_SECONDS = 4  # in which a process learns of it through its communication, and ends in good order
INTERRUPTED = (130, 143, TIME_IS_UP)


def end_together() -> None:
    """Watch the process that started this one, if it is one of several, and those that this one will start.

    Lightning watches the latter too, but kills this process without a word.
    """
    if "LOCAL_RANK" in os.environ:
        parent = os.getppid()
        _watch(lambda: os.getppid() != parent, [])
    launcher: Any = subprocess_script
    launcher._launch_process_observer = lambda started: _watch(lambda: any(map(_failed, started)), started)


def _failed(process: Popen[bytes]) -> bool:
    return process.poll() not in (None, 0, *INTERRUPTED)


def _watch(is_gone: Callable[[], bool], started: list[Popen[bytes]]) -> None:
    def watch() -> None:
        while not is_gone():
            time.sleep(POLL_SECONDS)
        time.sleep(GRACE_SECONDS)
        print(PROCESS_ENDED, file=sys.stderr, flush=True)
        for process in started:
            process.kill()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end-together").start()
