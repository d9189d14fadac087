"""Processes forked from one that has imported everything, which begin their work at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

FORK = multiprocessing.get_context("fork")
POLL_SECONDS = 0.2


def fork(target: Callable[[], None], name: str) -> BaseProcess:
    """Start a function in a forked process, where threads of torch or Python that ran in this one would be missing.

    Python warns of every thread it finds, such as the allocator's of pyarrow, which knows how to be forked.
    """
    process = FORK.Process(target=target, name=name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
        process.start()
    return process


def with_output(file: Path) -> None:
    """Let this process, just forked, write into a file and end with its parent; signals act as at the start."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    file.parent.mkdir(exist_ok=True)
    output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    end_with_parent()


def end_with_parent() -> None:
    """Kill this process once the one that forked it is gone: by then its run may be somebody else's."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="end-with-parent").start()
