"""Run the members of a study to their end, in turn or several at once, each going on exactly where it was."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from lightsmith.records.status import write_status
from lightsmith.run_folder import is_held
from lightsmith.runs.failures import RunFailedError
from lightsmith.studies.child_runs import ChildRun, StartedRun, start_in
from lightsmith.studies.machine_share import share_of
from lightsmith.studies.study import Member, Study, working_on
from lightsmith.terminal import printable, shown

LOOKS_SECONDS = 0.05  # between two looks at the runs that are going on
MOST_KILLS = 3  # of one member, after which it has failed
WANTED = (signal.SIGINT, signal.SIGTERM)  # signals by which a person, or a machine that goes down, ends all


def run_members(study: Study, workers: int = 1) -> list[Member]:
    """Run every member that has not finished yet, whatever comes of the others.

    Those that failed before are tried again. A new study that cannot even begin leaves nothing.

    Args:
        workers: how many run at once.

    Returns:
        The members that failed.

    Raises:
        ValueError: what was typed is a mistake, or another process works on the study.
        KeyboardInterrupt, SystemExit: the study was ended, and can be continued.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # which ends the runs in good order
    try:
        with working_on(study), ExitStack() as runs:
            return _Round(study, workers, runs).run()
    except (KeyboardInterrupt, SystemExit):
        print(f"interrupted; continue with: make exp RESUME={shown(study.folder)}", flush=True)
        raise


def say_failed(study: Study, failed: Sequence[Member]) -> None:
    """End a study of which some members failed.

    Raises:
        RunFailedError: naming the first of them, with the reason.
    """
    if failed:
        reason = study.status_of(failed[0]).reason
        raise RunFailedError(
            f"{len(failed)} of {len(study.members)} runs failed, such as {failed[0].name} ({reason}); the others are "
            f"done; to try again: make exp RESUME={shown(study.folder)}"
        )


class _Round:
    """One go at the members of a study.

    Args:
        runs: ends what is going on where it is left.
    """

    def __init__(self, study: Study, workers: int, runs: ExitStack) -> None:
        self.study = study
        self.workers = workers
        self.runs = runs
        self.waiting = deque(m for m in study.members if study.status_of(m).state != "finished")
        self.going: dict[int, tuple[Member, StartedRun]] = {}  # by worker
        self.kills: Counter[str] = Counter()
        self.elsewhere: set[str] = set()  # members that a process goes on with which this one has not started
        self.failed: list[Member] = []

    def run(self) -> list[Member]:
        """Run all that wait, and return those that failed."""
        while self.waiting or self.going:
            for worker in range(self.workers):
                if worker in self.going:
                    self._look_at(worker)
                if worker not in self.going and (member := self._next()):
                    self._start(worker, member)
            if self.going or self.waiting:
                time.sleep(LOOKS_SECONDS)
        return self.failed

    def _next(self) -> Member | None:
        """The first member that waits and that no process goes on with, such as one that a killed study left behind."""
        for member in list(self.waiting):
            folder, state = self.study.folder_of(member), self.study.status_of(member).state
            if state == "running" or (folder.is_dir() and is_held(folder)):  # or it is ending
                self._say_once(member)
                continue
            self.waiting.remove(member)
            if state != "finished":
                return member
        return None

    def _say_once(self, member: Member) -> None:
        if member.name not in self.elsewhere:
            self.elsewhere.add(member.name)
            print(f"{member.name} is still running from before: waiting for it", flush=True)

    def _start(self, worker: int, member: Member) -> None:
        number = self.study.members.index(member) + 1
        print(f"\n== {member.name} ({number} of {len(self.study.members)})", flush=True)
        folder, options = self.study.folder_of(member), self.study.command_of(member)
        run = start_in(folder, options, shows=self.workers == 1, environment=share_of(worker, self.workers))
        self.going[worker] = member, self.runs.enter_context(run)

    def _look_at(self, worker: int) -> None:
        """Take in how the run of a worker ended, if it has."""
        member, run = self.going[worker]
        if run.goes_on:
            return
        del self.going[worker]
        ended, status = run.ended(), self.study.status_of(member)
        if ended.ended_by in WANTED:
            raise KeyboardInterrupt if ended.ended_by == signal.SIGINT else SystemExit(ended.code % 256)
        if status.state == "running" or self._goes_on_after_kill(member, ended):
            self.waiting.appendleft(member)
        elif status.state != "finished":
            self._note_failure(member, ended)
        elif self.workers > 1:
            print(f"{member.name} finished after {ended.seconds:.0f} s", flush=True)

    def _goes_on_after_kill(self, member: Member, ended: ChildRun) -> bool:
        """Return whether a member was killed, and not too often to go on."""
        if ended.ended_by is None:
            return False
        self.kills[member.name] += 1
        return self.kills[member.name] < MOST_KILLS

    def _note_failure(self, member: Member, ended: ChildRun) -> None:
        """Let a member's own status.json say why it failed.

        Raises:
            ValueError: it was a mistake, and nothing else of the study is there.
        """
        folder = self.study.folder_of(member)
        if ended.code == 2 and not any(map(Path.is_dir, map(self.study.folder_of, self.study.members))):
            shutil.rmtree(self.study.folder)
            _remove_empty(self.study.folder.parent, self.study.folder.parent.parent)
            raise ValueError(ended.reason)
        if self.study.status_of(member).state != "failed":
            folder.mkdir(exist_ok=True)
            said = f"{ended.ended_by.name} ended it {MOST_KILLS} times" if ended.ended_by else ended.reason
            write_status(folder, "failed", said)
        self.failed.append(member)
        print(printable(f"{member.name} failed: {self.study.status_of(member).reason}"), flush=True)


def _remove_empty(*folders: Path) -> None:
    """Remove folders that hold nothing, innermost first."""
    for folder in folders:
        if any(folder.iterdir()):
            return
        folder.rmdir()
