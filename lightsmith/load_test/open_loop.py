"""Sends requests at moments that are fixed before, whether or not answers come, and times answers from those moments.

A client that waits for an answer before it asks again sends less to a slow service, and leaves out the time that the
requests which it did not send would have waited ("coordinated omission", Tene 2013). People do not wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lightsmith.load_test.connection import Pool

LONGEST_WAIT_S = 15.0  # for an answer, from the moment at which its request was due
LEAD_S = 0.05  # until the first request
OK, REFUSALS = 200, (429, 503)


@dataclass(frozen=True)
class Step:
    """The outcome of requests at one rate.

    Args:
        rate: requests a second that were due.
        seconds: over which they were due, and until the last was answered.
        sent: their number.
        answered: with 200.
        refused: with 429 or 503.
        failed: with another status, or not at all.
        latencies_s: of the answered, from the moment they were due; sorted.
        refusals_s: of the refused, from then too.
    """

    rate: float
    seconds: float
    sent: int
    answered: int
    refused: int
    failed: int
    latencies_s: np.ndarray
    refusals_s: np.ndarray

    @property
    def goodput(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds

    def latency_ms(self, percent: float) -> float:
        """A percentile of the latency of the answered; infinite where there is none."""
        return 1e3 * float(np.percentile(self.latencies_s, percent)) if self.answered else float("inf")

    def refusal_ms(self, percent: float) -> float:
        """A percentile of the time until a refusal; infinite where there is none."""
        return 1e3 * float(np.percentile(self.refusals_s, percent)) if self.refused else float("inf")


def due_times(rate: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Moments from 0 to the end, in seconds, of people who do not know of each other (a Poisson process)."""
    gaps = rng.exponential(1 / rate, int(rate * seconds * 1.5) + 100)
    times: np.ndarray = gaps.cumsum()
    return times[times < seconds]


async def send_at(pool: Pool, requests: Sequence[bytes], rate: float, seconds: float, seed: int) -> Step:
    """Send requests at a rate, taken in turn, and wait for the answers."""
    loop = asyncio.get_running_loop()
    begin = loop.time() + LEAD_S
    tasks = []
    for number, due in enumerate(begin + due_times(rate, seconds, np.random.default_rng(seed))):
        if (ahead := due - loop.time()) > 0:
            await asyncio.sleep(ahead)
        tasks.append(asyncio.create_task(_timed(pool, requests[number % len(requests)], float(due))))
    answers = await asyncio.gather(*tasks)
    return summarize(answers, rate, max(seconds, loop.time() - begin))


async def send_always(pool: Pool, requests: Sequence[bytes], connections: int, seconds: float) -> Step:
    """Keep connections busy: each asks again as soon as it has its answer. The most that the service can do."""
    loop = asyncio.get_running_loop()
    end, answers = loop.time() + seconds, list[tuple[int, float]]()

    async def ask_again(number: int) -> None:
        while loop.time() < end:
            answer = await _timed(pool, requests[number % len(requests)], loop.time())
            number += connections
            if loop.time() < end:
                answers.append(answer)

    await asyncio.gather(*(ask_again(number) for number in range(connections)))
    return summarize(answers, len(answers) / seconds, seconds)


async def _timed(pool: Pool, request: bytes, due: float) -> tuple[int, float]:
    """The status of an answer, 0 for none, and the seconds since it was due."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(due + LONGEST_WAIT_S):
            status, _ = await pool.ask(request)
    except (OSError, TimeoutError):
        status = 0
    return status, loop.time() - due


def summarize(answers: Sequence[tuple[int, float]], rate: float, seconds: float) -> Step:
    """Count answers by their status."""
    statuses = np.array([status for status, _ in answers], int)
    latencies = np.array([latency for _, latency in answers], float)
    good, refused = statuses == OK, np.isin(statuses, REFUSALS)
    failed = int((~good & ~refused).sum())
    timed = (np.sort(latencies[good]), np.sort(latencies[refused]))
    return Step(rate, seconds, len(answers), int(good.sum()), int(refused.sum()), failed, *timed)
