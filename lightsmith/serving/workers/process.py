"""A worker process: a model that answers what comes over a socket, until that is closed.

The process that holds the socket's other end starts it as ``python -m lightsmith.serving.workers.process``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lightsmith.serving.backend import BatchReport
from lightsmith.serving.bodies import Item
from lightsmith.serving.in_process import InProcess, load_in_process
from lightsmith.serving.problems import ProblemError
from lightsmith.serving.workers.frames import frame, problem_members, read_frame
from lightsmith.terminal import one_line

log = logging.getLogger(__name__)


class Reports:
    """Sends on what becomes of items, to be counted where all workers are."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    def note_batch(self, report: BatchReport) -> None:
        """Send a batch that was computed."""
        self.writer.write(frame({"batch": report}))

    def note_abandoned(self) -> None:
        """Send that an item was left out."""
        self.writer.write(frame({"abandoned": 1}))


async def work(connection: socket.socket, folder: Path, cores: int) -> None:
    """Load the model, say so, and answer until the connection is closed."""
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    try:
        backend = await load_in_process(folder, Reports(writer), cores)
    except ValueError as error:
        writer.write(frame({"failed": one_line(error)}))
        await writer.drain()
        return
    writer.write(frame(introduction(backend)))
    await _answer_all(backend, reader, writer)


def introduction(backend: InProcess) -> dict[str, Any]:
    """Say what the other process needs to know of the model."""
    costs = backend.admission.costs
    return {
        "description": backend.served.description,
        "width": backend.model.session.width,
        "costs": [costs.widths, costs.per_item_s, costs.per_call_s],
    }


async def _answer_all(backend: InProcess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    tasks: dict[int, asyncio.Task[None]] = {}
    while True:
        head, payload = await read_frame(reader)
        number = head["item"]
        writer.write(frame({"heard": number}))  # at once, so that one who computes is told from one who hangs
        if "kind" not in head:  # its client has gone
            if number in tasks:
                tasks[number].cancel()
            continue
        item = payload.decode("utf-8", "surrogatepass") if head["kind"] == "text" else payload
        tasks[number] = asyncio.create_task(_answer(backend, number, item, head["deadline"], writer))
        tasks[number].add_done_callback(partial(_forget, tasks, number))


def _forget(tasks: dict[int, asyncio.Task[None]], number: int, _: asyncio.Task[None]) -> None:
    del tasks[number]


async def _answer(backend: InProcess, number: int, item: Item, deadline: float, writer: asyncio.StreamWriter) -> None:
    try:
        outcome = await backend.predict(item, deadline)
    except ProblemError as problem:
        writer.write(frame({"item": number, "problem": problem_members(problem)}))
    except Exception:
        log.exception("an item failed")
        failed = ProblemError(500, "internal", "the service failed; its log says where")
        writer.write(frame({"item": number, "problem": problem_members(failed)}))
    else:
        head = {"item": number, "width": outcome.width, "decoding_s": outcome.decoding_s, "traits": outcome.traits}
        writer.write(frame(head, outcome.prediction.astype(np.float32).tobytes()))


def main(descriptor: str, folder: str, cores: str) -> None:
    """Work until the other process lets go, or has gone itself; signals are for that one alone."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    try:
        asyncio.run(work(socket.socket(fileno=int(descriptor)), Path(folder), int(cores)))
    except (asyncio.IncompleteReadError, OSError):
        os._exit(0)  # nothing is waited for: nobody takes an answer


if __name__ == "__main__":
    main(*sys.argv[1:])
