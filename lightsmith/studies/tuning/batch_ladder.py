"""The largest batch that pays: double it until throughput hardly grows any more, or memory ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PAYS = 1.1  # growth of throughput that a larger batch has to bring
IN_VAIN = 2  # batch sizes in a row that bring less, after which there are no more
SMALLER = 4  # the ladder begins at a quarter of the experiment's batch
FEWEST = 2  # items, as a norm over a batch has no variance of one
STEPS_LEFT = 8  # that an epoch has at least, however large a batch

End = Literal["throughput", "memory", "items"]


@dataclass(frozen=True)
class Rung:
    """A batch size, and what a step of it takes.

    Attributes:
        batch_size: items to a batch; of texts the longest, so that all rungs are of the same width.
        step_seconds: the median of several steps, without reading the data.
        memory_bytes: the most that was held: on the GPU by this rung, otherwise by the process so far.
    """

    batch_size: int
    step_seconds: float
    memory_bytes: int

    @property
    def items_per_second(self) -> float:
        """The throughput of training, without reading the data."""
        return self.batch_size / self.step_seconds


@dataclass(frozen=True)
class BatchLadder:
    """Batch sizes upwards, and why there are no more.

    Attributes:
        ended: ``throughput`` no longer grew, ``memory`` ended or was about to, or an epoch has no more ``items``.
    """

    rungs: list[Rung]
    ended: End

    @property
    def best(self) -> Rung | None:
        """The largest batch that pays: the last that is a tenth faster than all that paid before it."""
        best = None
        for rung in self.rungs:
            if best is None or rung.items_per_second >= PAYS * best.items_per_second:
                best = rung
        return best

    @property
    def in_vain(self) -> bool:
        """Return whether the last batch sizes brought too little for further ones to be tried."""
        return self.best in self.rungs[:-IN_VAIN]


def batch_sizes(own: int, items: int) -> list[int]:
    """Powers of two from a quarter of the experiment's batch size on, as long as an epoch keeps a few steps.

    Args:
        own: the experiment's batch size.
        items: for training.
    """
    least = max(min(own // SMALLER, items // STEPS_LEFT), FEWEST)
    sizes = [1 << (least.bit_length() - 1)]
    while 2 * sizes[-1] <= items // STEPS_LEFT:
        sizes.append(2 * sizes[-1])
    return sizes
