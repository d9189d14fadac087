"""Commands of benchmarks: those that a person types, and those of cli.py that they call."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from jsonargparse import auto_cli

from lightsmith.runs.failures import RunFailedError
from lightsmith.studies.child_runs import CLI
from lightsmith.terminal import one_line


def answer(command: Callable[..., None] | list[Callable[..., None]], prog: str | None = None) -> None:
    """Run what a person typed; a mistake is one line and exit code 2, a run that failed one line and exit code 1.

    Args:
        command: a function whose parameters are the options, or several, whose names are the subcommands.
        prog: the command's name in messages.
    """
    try:
        auto_cli(command, as_positional=False, prog=prog)
    except ValueError as error:
        print(one_line(error), file=sys.stderr)
        sys.exit(2)
    except RunFailedError as failure:
        print(one_line(failure), file=sys.stderr)
        sys.exit(1)


def absolute_source(data: str) -> str:
    """A value for data.source that is the same in any working folder: the path of a data set in full."""
    if data in ("sample", "hub"):
        return data
    return str(Path(data).resolve())


def run_verb(*arguments: str, folder: Path = CLI.parent) -> None:
    """Run a verb of cli.py in a folder, without showing what it prints.

    Raises:
        ValueError: it failed; with what it said.
    """
    command = [sys.executable, str(CLI), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"cli.py {' '.join(arguments)} failed: {one_line(ValueError(done.stderr))}")
