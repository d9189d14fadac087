from __future__ import annotations

import asyncio

import numpy as np
import pytest

from lightsmith.load_test import open_loop
from lightsmith.load_test.open_loop import due_times, send_always, send_at, summarize


class Service:
    """Stands in for a pool before a service that answers one request at a time, and once stops for a while."""

    def __init__(self, takes_s: float, stops_at: int = -1, stops_s: float = 0.0) -> None:
        self.takes_s, self.stops_at, self.stops_s = takes_s, stops_at, stops_s
        self.asked, self.lock = 0, asyncio.Lock()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        async with self.lock:
            self.asked += 1
            await asyncio.sleep(self.stops_s if self.asked == self.stops_at else self.takes_s)
            return 200, request


def test_requests_are_due_at_the_rate_whoever_asks() -> None:
    times = due_times(200, 10, np.random.default_rng(0))
    assert len(times) == pytest.approx(2000, rel=0.1)
    assert 0 < times[0] < times[-1] < 10
    gaps = np.diff(times)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.1)  # as of people who do not know of each other


def test_a_service_that_stops_is_late_for_all_that_were_due_meanwhile() -> None:
    async def sent() -> open_loop.Step:
        return await send_at(Service(0.0, 5, 0.3), [b"x"], 200, 0.5, seed=0)  # type: ignore[arg-type]

    step = asyncio.run(sent())
    assert step.answered == step.sent > 60
    # A client that waits would have counted one late answer; half of these were due within the stop.
    assert (step.latencies_s > 0.05).sum() > 30
    assert 150 < step.latency_ms(99) < 400


def test_busy_connections_ask_again_at_once() -> None:
    async def sent() -> open_loop.Step:
        return await send_always(Service(0.01), [b"x"], 4, 0.5)  # type: ignore[arg-type]

    step = asyncio.run(sent())
    assert 25 <= step.goodput * 0.5 <= 50
    assert step.latency_ms(50) == pytest.approx(40, rel=0.5)  # three others go first


def test_what_does_not_come_is_a_failure_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "LONGEST_WAIT_S", 0.05)

    async def sent() -> open_loop.Step:
        return await send_at(Service(60.0), [b"x"], 50, 0.1, seed=0)  # type: ignore[arg-type]

    step = asyncio.run(sent())
    assert (step.answered, step.failed) == (0, step.sent)
    assert step.latency_ms(99) == float("inf")


def test_answers_are_counted_by_status_and_only_good_ones_timed() -> None:
    step = summarize([(200, 0.2), (200, 0.1), (503, 0.01), (429, 0.01), (500, 0.3), (0, 15.0)], 3, 2)
    assert (step.sent, step.answered, step.refused, step.failed) == (6, 2, 2, 2)
    assert (step.goodput, list(step.latencies_s)) == (1, [0.1, 0.2])
    assert step.refusal_ms(50) == pytest.approx(10)
    assert summarize([(200, 0.2)], 1, 1).refusal_ms(50) == float("inf")
