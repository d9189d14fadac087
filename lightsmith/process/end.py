"""The end of a process, without taking apart what the system takes back at once."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from contextlib import suppress

_codes: list[int] = []  # the exit code, once ``main`` has ended with one


def run_process(main: Callable[[], int]) -> None:
    """Run ``main`` and end this process with its exit code.

    Threads are waited for and what was registered for the end is done, as ever. Then Python would take apart all
    modules and objects one by one, which takes a second with those of torch, and changes nothing.

    Raises:
        SystemExit: always; on its way the process ends.
    """
    try:
        code = main()
    except SystemExit as end:
        if isinstance(end.code, int):  # a text is for Python to print
            _codes.append(end.code)
        raise
    _codes.append(code)
    sys.exit(code)


def _end() -> None:
    """End the process with its code; where there is none, after a traceback, Python ends it in its own way."""
    if _codes:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # nobody reads, or it is closed
                stream.flush()
        os._exit(_codes[0] % 256)


# The last that is registered is called first. Imported early, this comes after all that later imports register.
atexit.register(_end)
