"""Start a run from code, in a process of its own, and get its record back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lightsmith.records.results import Results, read_results
from lightsmith.records.status import process_start, read_status
from lightsmith.run_folder import has_checkpoint
from lightsmith.runs.failures import RunFailedError
from lightsmith.settings.experiments import EXPERIMENTS, experiment_file

CLI = Path(__file__).parents[2] / "cli.py"
SIGNALLED = 128  # exit codes above it say which signal ended a run in good order
PATIENCE_SECONDS = 10  # for a run that is told to end, in which it saves

Identity = tuple[int, str | None]  # number of a process, and what tells it from a later one of that number


@dataclass(frozen=True)
class ChildRun:
    """A run in a process of its own, which has ended.

    Attributes:
        code: exit code; of a process that a signal killed, the signal as a negative number.
        folder: the run's; None if it wrote none.
        reason: the last line on stderr.
        seconds: from the start of the process to its end.
    """

    code: int
    folder: Path | None
    reason: str
    seconds: float

    @property
    def ended_by(self) -> signal.Signals | None:
        """The signal that ended it, if one did."""
        number = -self.code if self.code < 0 else self.code - SIGNALLED
        return signal.Signals(number) if number > 0 else None

    @property
    def record(self) -> Results:
        """The record of a run that came to its end.

        Raises:
            ValueError: a mistake in its settings.
            RunFailedError: it failed, or was ended by a signal.
        """
        if self.code == 2:
            raise ValueError(self.reason)
        if self.code or self.folder is None:
            said = self.reason
            if self.ended_by:
                said = f"{self.ended_by.name} ended the run"
            if self.folder:
                said += f" (run folder: {self.folder})"
            raise RunFailedError(said)
        return read_results(self.folder)


def run_experiment(
    name: str,
    settings: Mapping[str, object] | None = None,
    options: Sequence[str] = (),
    *,
    runs: Path = Path("runs"),
    shows: bool = True,
) -> ChildRun:
    """Run an experiment to its end, as `make exp` does.

    Args:
        name: the experiment.
        settings: what differs from its YAML, nested as there.
        options: of the command line; they win over ``settings``.
        runs: folder that holds all runs.
        shows: whether what the run prints is shown.

    Raises:
        ValueError: no such experiment.
    """
    file = experiment_file(name)
    with tempfile.TemporaryDirectory(prefix="lightsmith-settings-") as scratch:
        own = Path(scratch) / "_settings.yaml"  # a part by its underscore, so that the run keeps the experiment's name
        own.write_text(yaml.safe_dump(_plain(settings or {})), encoding="utf-8")
        configs = [f"--config={part}" for part in (EXPERIMENTS / "_defaults.yaml", file, own)]
        return run_command([*configs, *options], runs / name, shows=shows)


def run_command(options: Sequence[str], home: Path, *, cwd: Path | None = None, shows: bool = False) -> ChildRun:
    """Run `cli.py run` to its end, however that comes.

    Args:
        options: of the command line, all but ``--runs``.
        home: the folder that the run's folder will lie in, ``<runs>/<experiment>``, relative to ``cwd``.
        cwd: the folder to run in; the current one when unset.
        shows: whether what the run prints is shown.
    """
    command = [*options, f"--runs={home.parent}"]
    with StartedRun(command, lambda identity: _folder_of(identity, (cwd or Path()) / home), cwd, shows) as run:
        return run.ended()


def start_in(
    folder: Path, options: Sequence[str], *, shows: bool = False, environment: Mapping[str, str] | None = None
) -> StartedRun:
    """Start `cli.py run` in exactly this folder; a run that was interrupted there goes on where it was.

    One that had saved nothing begins anew. Whether a run is going on there is for the caller to know.

    Args:
        folder: the run's, at first without anything in it.
        options: of the command line, all but ``--folder``.
        shows: whether what the run prints is shown.
        environment: variables that the run gets besides those of this process.
    """
    command = options_in(folder, options)
    return StartedRun(command, lambda _: folder.resolve() if folder.is_dir() else None, None, shows, environment)


def options_in(folder: Path, options: Sequence[str]) -> list[str]:
    """The options with which a run begins in exactly this folder, emptied before, or goes on from what it saved there.

    Args:
        folder: the run's.
        options: of the command line, all but ``--folder``.
    """
    if has_checkpoint(folder):
        packages = [option for option in options if option.startswith("--allow_package=")]
        return [f"--config={folder / 'config.yaml'}", f"--resume={folder}", *packages]
    shutil.rmtree(folder, ignore_errors=True)
    return [*options, f"--folder={folder}"]


class StartedRun:
    """`cli.py run` in a process of its own, which may be going on still; it does not outlive the ``with``.

    Args:
        options: of the command line.
        find: the run's folder, given the number and the start of its process; None where it wrote none.
        cwd: the folder to run in; the current one when unset.
        shows: whether what the run prints is shown.
        environment: variables that it gets besides those of this process.
    """

    def __init__(
        self,
        options: Sequence[str],
        find: Callable[[Identity], Path | None],
        cwd: Path | None,
        shows: bool,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._find = find
        self._shows = shows
        self._began = time.perf_counter()
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # see __exit__
        command = [sys.executable, str(CLI), "run", *options]
        known = {**os.environ, **(environment or {})}
        self.process = subprocess.Popen(
            command, cwd=cwd, stdout=_destination(shows), stderr=self._errors, text=True, env=known
        )
        self._identity = self.process.pid, process_start(self.process.pid)

    @property
    def goes_on(self) -> bool:
        """Return whether the process has not ended yet."""
        return self.process.poll() is None

    def ended(self) -> ChildRun:
        """Copy what the run prints until it ends, and say how it did."""
        for line in self.process.stdout or ():
            print(line, end="", flush=True)
        code = self.process.wait()
        seconds = time.perf_counter() - self._began
        self._errors.seek(0)
        said = self._errors.read()
        if self._shows and not code:
            sys.stderr.write(said)
        return ChildRun(code, self._find(self._identity), _last_line(said), seconds)

    def __enter__(self) -> StartedRun:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """End the run if it has not ended: after Ctrl-C on a terminal, which has reached it too, it is saving."""
        saving = [None] if error is KeyboardInterrupt else []
        for end in (*saving, self.process.terminate, self.process.kill):
            if end is not None:
                end()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE_SECONDS)
                break
        if self.process.stdout:
            self.process.stdout.close()
        self._errors.close()


def _destination(shows: bool) -> int | None:
    """Choose where what a run prints goes: nowhere, to this process, or to the same place as what this one prints."""
    if not shows:
        return subprocess.DEVNULL
    if sys.stdout is not sys.__stdout__:  # a notebook's, which is no file: ``ended`` copies the lines to it
        return subprocess.PIPE
    return None


def _folder_of(identity: Identity, home: Path) -> Path | None:
    """The run folder that a process wrote, of those in ``home``; newest first."""
    for folder in sorted(home.glob("[0-9]*"), reverse=True):
        status = read_status(folder)
        if status is not None and (status.process, status.process_start) == identity:
            return folder.resolve()
    return None


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "nothing was said")


def _plain(settings: object) -> Any:
    """Settings as YAML has them: paths become text, tuples lists."""
    if isinstance(settings, Mapping):
        return {name: _plain(value) for name, value in settings.items()}
    if isinstance(settings, (list, tuple)):
        return [_plain(value) for value in settings]
    if isinstance(settings, Path):
        return str(settings)
    return settings
