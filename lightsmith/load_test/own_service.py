"""A service that is started for a test, in a process of its own, and ended after it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

CLI = Path(__file__).parents[2] / "cli.py"
LONGEST_END_S = 30.0


@contextmanager
def own_service(run: Path, options: Sequence[str] = ()) -> Iterator[str]:
    """Serve a run or an exported folder on a free port of this machine; its address.

    Raises:
        ValueError: it did not start; with what it said.
    """
    command = [sys.executable, str(CLI), "serve", f"--run={run}", "--port=0", *options]
    with (
        TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            address = next(filter(None, (re.match(r"at +(http://\S+)", line) for line in lines)), None)
            if address is None:
                said.seek(0)
                raise ValueError(said.read() or f"--run={run} cannot be served")
            yield address[1]
        finally:
            process.terminate()
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Wait until everything is answered, but not for ever."""
    try:
        process.wait(LONGEST_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
