"""Puts waiting items together into batches, such that nobody's answer depends on who else asks.

As soon as the network is free, the item that came first goes, together with those that gain from going along. None
waits for a batch to fill up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from lightsmith.serving.cost_model import CostModel
from lightsmith.serving.metrics import ServiceMetrics
from lightsmith.serving.problems import ProblemError, busy
from lightsmith.serving.served_model import Encoded

MOST_WAITING = 1024  # items that were let in and have no answer yet
SMOOTHING = 0.05  # an item's share in the usual width and the usual time to decode


@dataclass(eq=False)
class Waiting:
    """An item in the queue: when it came and when its answer is too late, in the event loop's seconds."""

    item: Encoded
    came: float
    deadline: float
    answer: asyncio.Future[np.ndarray] = field(repr=False)


class Batcher:
    """A bounded queue before one network.

    Args:
        predict: a batch → predictions (n, columns); runs on the executor, one batch at a time.
        costs: how long that takes.
        executor: of one thread.
        metrics: is told of batches, of queueing, and of work that was left out.
        most_waiting: items that are let in before more are refused.
    """

    def __init__(
        self,
        predict: Callable[[Sequence[Encoded]], np.ndarray],
        costs: CostModel,
        executor: Executor,
        metrics: ServiceMetrics,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.predict_batch, self.costs, self.executor, self.metrics = predict, costs, executor, metrics
        self.most_waiting = most_waiting
        self.inside = 0
        self.queue: list[Waiting] = []
        self.usual_width, self.decoding_s = float(costs.widths[0]), 0.0
        self._arrived = asyncio.Event()

    @contextmanager
    def admit(self, items: int, deadline: float) -> Iterator[None]:
        """Count items as let in, from before they are read until they are answered.

        Args:
            deadline: in the event loop's seconds.

        Raises:
            ProblemError: there is no room, or their answers would come too late.
        """
        left, wait = deadline - asyncio.get_running_loop().time(), self.expected_wait_s(self.inside)
        if self.inside + items > self.most_waiting:
            raise busy("queue_full", f"{self.inside} items are waiting already", wait)
        if self.expected_wait_s(self.inside + items) > left:
            raise busy("deadline", f"the answer would take {wait:.2g} s, and {max(left, 0):.2g} s are left", wait)
        self.inside += items
        try:
            yield
        finally:
            self.inside -= items

    def expected_wait_s(self, items: int) -> float:
        """Seconds that this many items take, decoding included, in batches as large as may be."""
        width = round(self.usual_width)
        calls = -(-items // self.costs.most_items(width))
        return items * (self.costs.item_s(width) + self.decoding_s) + calls * self.costs.call_s(width)

    def too_late(self) -> ProblemError:
        """The refusal of an item that was let in, and waited too long."""
        return busy("deadline", "its turn would have come too late", self.expected_wait_s(self.inside))

    def note_item(self, width: int, decoding_s: float) -> None:
        """Take into account how wide an item is, and its share in the seconds of decoding."""
        self.usual_width += SMOOTHING * (width - self.usual_width)
        self.decoding_s += SMOOTHING * (decoding_s - self.decoding_s)

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
        """Answer what waits, for ever."""
        while True:
            await self._arrived.wait()
            self._drop_hopeless()
            if self.queue:
                await self._answer(self._next_batch())
            else:
                self._arrived.clear()

    def _drop_hopeless(self) -> None:
        """Leave out those who went away, and tell those whose answer would be too late."""
        now, kept = asyncio.get_running_loop().time(), []
        for waiting in self.queue:
            if waiting.answer.done():
                self.metrics.abandoned.add()
            elif now + self.costs.batch_s(waiting.item.width, 1) > waiting.deadline:
                waiting.answer.set_exception(self.too_late())
            else:
                kept.append(waiting)
        self.queue = kept

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
        self.costs.note(max(waiting.item.width for waiting in batch), len(batch), seconds)
        self.metrics.inference_s.observe(seconds)
        self.metrics.batch_items.observe(len(batch))
        for waiting in batch:
            self.metrics.queue_s.observe(started - waiting.came)
