"""Writing beside training: one thread that does what it is given, in the order in which it was given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class WriteInOrder:
    """Does acts in a thread of its own, one after the other.

    An act that fails lets the next call of either method fail, so that a training hears of it at its next checkpoint
    and never ends as if all had gone well. Python's own end waits for what has been begun.

    Args:
        most: acts that may wait; who brings another waits until the oldest is done.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting: deque[Future[None]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def begin(self, act: Callable[[], None]) -> None:
        """Hand an act over.

        Raises:
            Exception: that an earlier act ended with.
        """
        while self._waiting and (self._waiting[0].done() or len(self._waiting) >= self.most):
            self._waiting.popleft().result()
        self._thread = self._thread or ThreadPoolExecutor(1, "checkpoints")
        self._waiting.append(self._thread.submit(act))

    def finish(self) -> None:
        """Wait until all is done, and let go of the thread.

        Raises:
            Exception: that an earlier act ended with.
        """
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()
        waiting, self._waiting = self._waiting, deque()
        for act in waiting:
            act.result()
