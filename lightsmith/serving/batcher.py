"""Puts waiting items together into batches, such that nobody's answer depends on who else asks.

As soon as the network is free, the item that came first goes, together with those that gain from going along. None
waits for a batch to fill up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from lightsmith.serving.backend import BatchObserver, BatchReport
from lightsmith.serving.cost_model import CostModel
from lightsmith.serving.problems import ProblemError, too_late
from lightsmith.serving.served_model import Encoded

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Waiting:
    """An item in the queue: when it came and when its answer is too late, in the event loop's seconds."""

    item: Encoded
    came: float
    deadline: float
    answer: asyncio.Future[np.ndarray] = field(repr=False)


class Batcher:
    """A queue before one network.

    Args:
        predict: a batch → predictions (n, columns); runs on the executor, one batch at a time.
        costs: how long that takes.
        executor: of one thread.
        observer: is told of batches, and of work that was left out.
    """

    def __init__(
        self,
        predict: Callable[[Sequence[Encoded]], np.ndarray],
        costs: CostModel,
        executor: Executor,
        observer: BatchObserver,
    ) -> None:
        self.predict_batch, self.costs, self.executor, self.observer = predict, costs, executor, observer
        self.queue: list[Waiting] = []
        self._computed: list[Waiting] = []  # the batch that the network has
        self._arrived = asyncio.Event()

    async def predict(self, item: Encoded, deadline: float) -> np.ndarray:
        """The prediction for an admitted item, (columns,).

        Raises:
            ProblemError: it came too late, or the network cannot be run on it.
        """
        loop = asyncio.get_running_loop()
        waiting = Waiting(item, loop.time(), deadline, loop.create_future())
        self.queue.append(waiting)
        self._arrived.set()
        return await waiting.answer

    async def run(self) -> None:
        """Answer what waits, for ever; a fault in here is told to those who wait, and the next come is answered."""
        while True:
            await self._arrived.wait()
            try:
                await self._answer_some()
            except Exception as error:
                log.exception("a batch could not be made")
                self._refuse_all(ProblemError(500, "internal", f"the service failed on a batch: {error}"))

    async def _answer_some(self) -> None:
        self._drop_hopeless()
        if self.queue:
            self._computed = self._next_batch()
            await self._answer(self._computed)
        else:
            self._arrived.clear()

    def _refuse_all(self, problem: ProblemError) -> None:
        for waiting in (*self._computed, *self.queue):
            if not waiting.answer.done():
                waiting.answer.set_exception(problem)
        self._computed, self.queue = [], []

    def _drop_hopeless(self) -> None:
        """Leave out those who went away, and tell those whose answer would be too late."""
        now, kept = asyncio.get_running_loop().time(), []
        for waiting in self.queue:
            if waiting.answer.done():
                self.observer.note_abandoned()
            elif now + self.costs.batch_s(waiting.item.width, 1) > waiting.deadline:
                waiting.answer.set_exception(too_late(self._wait_s()))
            else:
                kept.append(waiting)
        self.queue = kept

    def _wait_s(self) -> float:
        """Seconds that the queue takes at most."""
        return sum(self.costs.batch_s(waiting.item.width, 1) for waiting in self.queue)

    def _next_batch(self) -> list[Waiting]:
        """Take the first of the queue, and those that cost less beside it than alone; the widest of these first."""
        first, *others = self.queue
        width = first.item.width
        gaining = [w for w in others if w.item.width <= width and self._gains(w, width)]
        gaining.sort(key=lambda waiting: -waiting.item.width)  # keeps the order of those of one width
        batch = [first]
        last_start = first.deadline - asyncio.get_running_loop().time()
        for waiting in gaining[: self.costs.most_items(width) - 1]:
            if self.costs.batch_s(width, len(batch) + 1) > last_start:
                break
            batch.append(waiting)
        taken = set(map(id, batch))
        self.queue = [waiting for waiting in self.queue if id(waiting) not in taken]
        return batch

    def _gains(self, waiting: Waiting, width: int) -> bool:
        """Return whether an item costs less padded to a batch's width than in a call of its own."""
        return self.costs.item_s(width) <= self.costs.batch_s(waiting.item.width, 1)

    async def _answer(self, batch: list[Waiting]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            rows = await loop.run_in_executor(self.executor, self.predict_batch, [w.item for w in batch])
        except Exception as error:  # noqa: BLE001  # whatever the runtime raises, the next batch is to be answered
            await self._answer_apart(batch, error)
            return
        self._note(batch, started, loop.time() - started)
        for waiting, row in zip(batch, rows, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(row)

    async def _answer_apart(self, batch: list[Waiting], error: Exception) -> None:
        """Answer the items of a batch that failed each by itself, so that none suffers for another."""
        if len(batch) > 1:
            for waiting in batch:
                await self._answer([waiting])
        elif not batch[0].answer.done():
            failed = ProblemError(500, "model_failed", f"the model failed on this item: {error}")
            batch[0].answer.set_exception(failed)

    def _note(self, batch: list[Waiting], started: float, seconds: float) -> None:
        width = max(waiting.item.width for waiting in batch)
        self.costs.note(width, len(batch), seconds)
        self.observer.note_batch(BatchReport(width, [started - waiting.came for waiting in batch], seconds))
