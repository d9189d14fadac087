"""A worker process, as seen from the one that started it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from lightsmith.serving.backend import BatchObserver, BatchReport, Outcome
from lightsmith.serving.bodies import Item
from lightsmith.serving.problems import ProblemError
from lightsmith.serving.workers.frames import frame, read_frame

ROOT, PROCESS = Path(__file__).parents[3], "lightsmith.serving.workers.process"
END_S = 5.0  # for a process to end by itself once its socket is closed


class WorkerDiedError(Exception):
    """A worker died before it answered."""


class Worker:
    """A process and the items that it has.

    Args:
        introduction: what it said of its model.

    Attributes:
        items: that it has, by number.
    """

    _silent_since: float | None = None  # the first message that nothing was heard after

    def __init__(
        self, process: Process, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], introduction: dict[str, Any]
    ) -> None:
        self.process, self.introduction = process, introduction
        self._reader, self._writer = streams
        self._numbers = itertools.count()
        self.items: dict[int, asyncio.Future[Outcome]] = {}

    async def ask(self, item: Item, deadline: float) -> Outcome:
        """Answer an item.

        Raises:
            ProblemError: the worker refuses it.
            WorkerDiedError: there is no answer to come.
        """
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self.items[number] = answer
        kind, payload = ("text", item.encode("utf-8", "surrogatepass")) if isinstance(item, str) else ("image", item)
        self._send(frame({"item": number, "kind": kind, "deadline": deadline}, payload))
        try:
            return await answer
        except asyncio.CancelledError:
            self._send(frame({"item": number}))
            raise
        finally:
            self.items.pop(number, None)

    def _send(self, message: bytes) -> None:
        self._writer.write(message)
        if self._silent_since is None:
            self._silent_since = time.monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds for which it has owed a word; 0 when it owes none."""
        return 0.0 if self._silent_since is None else time.monotonic() - self._silent_since

    async def hear(self, observer: BatchObserver) -> None:
        """Take answers and reports until the process has gone; then say so to those who wait.

        Args:
            observer: is told of batches.
        """
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    self._take(*await read_frame(self._reader), observer)
        finally:
            for answer in self.items.values():
                if not answer.done():
                    answer.set_exception(WorkerDiedError())

    def _take(self, head: dict[str, Any], payload: bytes, observer: BatchObserver) -> None:
        self._silent_since = None
        if "batch" in head:
            observer.note_batch(BatchReport(*head["batch"]))
        elif "abandoned" in head:
            observer.note_abandoned()
        elif "item" in head:
            self._settle(head, payload)

    def _settle(self, head: dict[str, Any], payload: bytes) -> None:
        answer = self.items.get(head["item"])
        if answer is None or answer.done():  # nobody waits any more
            return
        if "problem" in head:
            answer.set_exception(ProblemError(**head["problem"]))
        else:
            prediction = np.frombuffer(payload, np.float32)
            answer.set_result(Outcome(prediction, head["width"], head["decoding_s"], head["traits"]))

    async def end(self) -> str:
        """Close the socket, which ends the process, by force if need be; how it ended, in words."""
        self._writer.close()
        return await ended(self.process)


async def start_worker(folder: Path, cores: int) -> Worker:
    """Start a process, and wait until its model is loaded.

    Raises:
        ValueError: it cannot use the folder.
        WorkerDiedError: it ended before it said anything.
    """
    ours, theirs = socket.socketpair()
    descriptor = theirs.fileno()
    command = [sys.executable, "-P", "-m", PROCESS, str(descriptor), str(folder), str(cores)]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(cores)}
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=DEVNULL, pass_fds=[descriptor], start_new_session=True
        )
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        introduction, _ = await read_frame(reader)
    except (asyncio.IncompleteReadError, OSError) as error:
        raise WorkerDiedError(await ended(process)) from error
    except asyncio.CancelledError:
        writer.close()
        await ended(process)
        raise
    if "failed" in introduction:
        writer.close()
        await ended(process)
        raise ValueError(introduction["failed"])
    return Worker(process, (reader, writer), introduction)


async def ended(process: Process) -> str:
    """Wait for a process that has no more to do, and end one that does not; its end in words."""
    try:
        async with asyncio.timeout(END_S):
            code = await process.wait()
    except TimeoutError:
        process.kill()
        code = await process.wait()
    return f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
