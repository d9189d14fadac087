"""Lets items in while there is room and time for them, so that none waits in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from lightsmith.serving.cost_model import CostModel
from lightsmith.serving.problems import busy

MOST_WAITING = 1024  # items that were let in and have no answer yet
SMOOTHING = 0.05  # an item's share in the usual width and the usual time to decode


class Admission:
    """Counts the items inside, and predicts how long they take.

    Args:
        costs: of one network.
        networks: that compute at the same time.
        most_waiting: items that are let in before more are refused.

    Attributes:
        inside: items that were let in and are not answered.
    """

    def __init__(self, costs: CostModel, networks: int = 1, most_waiting: int = MOST_WAITING) -> None:
        self.costs, self.networks, self.most_waiting = costs, networks, most_waiting
        self.inside = 0
        self.usual_width, self.decoding_s = float(costs.widths[0]), 0.0

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
        width, each = round(self.usual_width), -(-items // self.networks)
        calls = -(-each // self.costs.most_items(width))
        return each * (self.costs.item_s(width) + self.decoding_s) + calls * self.costs.call_s(width)

    def note_item(self, width: int, decoding_s: float) -> None:
        """Take into account how wide an item is, and its share in the seconds of decoding."""
        self.usual_width += SMOOTHING * (width - self.usual_width)
        self.decoding_s += SMOOTHING * (decoding_s - self.decoding_s)
