"""Several worker processes that stand in for one another.

This process holds the connections and every request until it is answered. A worker that dies takes nothing with it:
what it had is asked of another, once, and a new one takes its place.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from lightsmith.exports.exported_files import load_answer
from lightsmith.exports.reference import read_reference
from lightsmith.serving.admission import Admission
from lightsmith.serving.backend import BatchReport, Outcome, Served
from lightsmith.serving.bodies import Item
from lightsmith.serving.cost_model import CostModel
from lightsmith.serving.monitoring.metrics import ServiceMetrics
from lightsmith.serving.problems import ProblemError, busy, too_late
from lightsmith.serving.workers.worker import Worker, WorkerDiedError, start_worker
from lightsmith.terminal import one_line, say

log = logging.getLogger(__name__)
TRIES = 2  # of workers for an item
LATE_S = 0.5  # after the deadline, in which a worker says itself that it was too late
SILENT_S, HUNG_S = 1.0, 10.0  # without a word that it owes, a worker is asked last, and killed
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # before a worker that could not start is started again


class WorkerPool:
    """Answers items by worker processes; made within a running event loop.

    Args:
        folder: an exported folder.
        first: workers that have started.
        cores: of each.
    """

    def __init__(self, folder: Path, first: list[Worker], cores: int, metrics: ServiceMetrics) -> None:
        self.folder, self.cores, self.metrics = folder.resolve(), cores, metrics  # a link may lead elsewhere later
        introduction = first[0].introduction
        self.served = served_by(folder, introduction)
        self.admission = Admission(CostModel(*introduction["costs"]), len(first))
        self.workers: list[Worker] = []
        self._joined = asyncio.Condition()
        self._keeping = [asyncio.create_task(self._keep(place, worker)) for place, worker in enumerate(first, 1)]

    @property
    def ready(self) -> int:
        """Workers that there are."""
        return len(self.workers)

    async def predict(self, item: Item, deadline: float) -> Outcome:
        """Ask the worker with the fewest items, and another one if that dies."""
        for _ in range(TRIES):
            worker = await self._worker(deadline)
            try:
                async with asyncio.timeout_at(deadline + LATE_S):
                    outcome = await worker.ask(item, deadline)
            except WorkerDiedError:
                self.metrics.orphaned.add()
            except TimeoutError as error:
                raise self._too_late() from error
            else:
                self.admission.note_item(outcome.width, outcome.decoding_s / self.cores)
                return outcome
        raise busy("worker_died", f"{TRIES} worker processes died while they had this item", 1.0)

    async def _worker(self, deadline: float) -> Worker:
        """The worker to ask, once there is one; rather none that is silent, and one that hangs is killed."""
        try:
            async with asyncio.timeout_at(deadline), self._joined:
                await self._joined.wait_for(lambda: self.workers)
        except TimeoutError as error:
            raise self._too_late() from error
        for hung in (worker for worker in self.workers if worker.silent_s > HUNG_S):
            hung.process.kill()
        return min(self.workers, key=lambda worker: (worker.silent_s > SILENT_S, len(worker.items)))

    def _too_late(self) -> ProblemError:
        return too_late(self.admission.expected_wait_s(self.admission.inside))

    def note_batch(self, report: BatchReport) -> None:
        """Take into account a batch that a worker computed."""
        self.admission.costs.note(report.width, len(report.queue_s), report.inference_s)
        self.metrics.note_batch(report)

    def note_abandoned(self) -> None:
        """Count an item that a worker left out."""
        self.metrics.note_abandoned()

    async def _keep(self, place: int, worker: Worker) -> None:
        """See to it that there is a worker at a place, for ever."""
        while True:
            self.workers.append(worker)
            try:
                async with self._joined:
                    self._joined.notify_all()
                await worker.hear(self)
            except Exception:
                log.exception("worker %d is not understood", place)
            finally:
                self.workers.remove(worker)
                end = await asyncio.shield(worker.end())
            self.metrics.deaths.add()
            say(f"worker {place} (process {worker.process.pid}) ended {end}; another one takes its place")
            worker = await self._replacement(place)

    async def _replacement(self, place: int) -> Worker:
        """Start a worker that serves the same model, again and again until one does."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                worker = await start_worker(self.folder, self.cores)
                if worker.introduction["description"]["sha256"] == self.served.description["sha256"]:
                    return worker
                await worker.end()
                reason = f"{self.folder} holds another model now"
            except (ValueError, OSError) as error:
                reason = one_line(error)
            except WorkerDiedError as error:
                reason = f"it ended {error} as it started"
            say(f"worker {place} cannot be replaced: {reason}; tried again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def close(self) -> None:
        """End all workers."""
        for keeping in self._keeping:
            keeping.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)


async def start_pool(folder: Path, workers: int, cores: int, metrics: ServiceMetrics) -> WorkerPool:
    """Start so many workers, and wait until all of them can answer.

    Args:
        cores: of each.

    Raises:
        ValueError: they cannot use the folder.
    """
    starting = [asyncio.create_task(start_worker(folder, cores)) for _ in range(workers)]
    started = await asyncio.gather(*starting, return_exceptions=True)
    first = [worker for worker in started if isinstance(worker, Worker)]
    failures = [error for error in started if isinstance(error, BaseException)]
    if not failures:
        return WorkerPool(folder, first, cores, metrics)
    await asyncio.gather(*(worker.end() for worker in first))
    if isinstance(failures[0], WorkerDiedError):
        raise ValueError(f"a worker process ended {failures[0]} as it started")
    raise failures[0]


def served_by(folder: Path, introduction: dict[str, Any]) -> Served:
    """The model of a worker, as far as this process knows it.

    Raises:
        ValueError: the folder has changed meanwhile.
    """
    try:
        answer, reference = load_answer(folder, introduction["width"]).limited(None), read_reference(folder)
    except OSError as error:
        raise ValueError(f"{folder} cannot be used: {error}; export the run again") from error
    description = introduction["description"]
    return Served(folder, answer, description["takes"], description, reference)
