"""Batches change no answer, lose no item, and leave out who went away or comes too late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest

from lightsmith.serving.admission import Admission
from lightsmith.serving.batcher import Batcher
from lightsmith.serving.cost_model import CostModel
from lightsmith.serving.monitoring.metrics import ServiceMetrics
from lightsmith.serving.problems import ProblemError
from lightsmith.serving.served_model import Encoded

QUICK = CostModel([16, 256], [1e-4, 1.6e-3], [1e-3, 1e-3])
SOON = 5.0


def item(number: int, width: int = 16) -> Encoded:
    return Encoded((np.array([number]),), width)


class Network:
    """Answers with an item's number, once it is let; remembers the batches."""

    def __init__(self, fails_on: int | None = None) -> None:
        self.fails_on = fails_on
        self.batches: list[list[int]] = []
        self.let = threading.Event()

    def __call__(self, batch: Sequence[Encoded]) -> np.ndarray:
        assert self.let.wait(10)
        numbers = [int(one.inputs[0][0]) for one in batch]
        self.batches.append(numbers)
        if self.fails_on in numbers:
            raise RuntimeError("out of range")
        return np.array(numbers, np.float32)[:, None]


class Door(NamedTuple):
    """A batcher behind its admission."""

    batcher: Batcher
    admission: Admission


def run(
    network: Network, test: Callable[[Door], Awaitable[None]], costs: CostModel = QUICK, most_waiting: int = 100
) -> ServiceMetrics:
    """Run a test beside a batcher."""
    metrics = ServiceMetrics()

    async def both() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher, admission = Batcher(network, costs, executor, metrics), Admission(costs, most_waiting=most_waiting)
            answering = asyncio.create_task(batcher.run())
            await test(Door(batcher, admission))
            network.let.set()
            answering.cancel()

    asyncio.run(both())
    return metrics


async def ask(door: Door, one: Encoded, within_s: float = SOON) -> float:
    deadline = asyncio.get_running_loop().time() + within_s
    with door.admission.admit(1, deadline):
        return float((await door.batcher.predict(one, deadline))[0])


def test_everybody_gets_their_own_answer_and_those_who_wait_go_together() -> None:
    network = Network()

    async def test(door: Door) -> None:
        asked = [asyncio.create_task(ask(door, item(n))) for n in range(50)]
        await asyncio.sleep(0.05)
        network.let.set()
        assert await asyncio.gather(*asked) == list(range(50))

    metrics = run(network, test)
    assert [len(batch) for batch in network.batches] == [1, 49] or [len(batch) for batch in network.batches] == [50]
    assert metrics.batch_items.sum == 50


def test_texts_go_with_those_of_their_length_and_the_first_come_goes_first() -> None:
    network = Network()
    widths = [256, 16, 256, 32, 240, 16]

    async def test(door: Door) -> None:
        first = asyncio.create_task(ask(door, item(100)))
        await asyncio.sleep(0.02)
        asked = [asyncio.create_task(ask(door, item(n, width))) for n, width in enumerate(widths)]
        await asyncio.sleep(0.02)
        network.let.set()
        await asyncio.gather(first, *asked)

    run(network, test)
    assert network.batches == [[100], [0, 2, 4], [1, 5], [3]]


def test_short_texts_join_where_a_call_costs_more_than_padding() -> None:
    network = Network()

    async def test(door: Door) -> None:
        asked = [asyncio.create_task(ask(door, item(n, width))) for n, width in enumerate([256, 16, 128])]
        await asyncio.sleep(0)
        network.let.set()
        await asyncio.gather(*asked)

    run(network, test, CostModel([16, 256], [1e-5, 1e-4], [1e-2, 1e-2]))
    assert network.batches == [[0, 2, 1]]


def test_work_for_those_who_went_away_is_not_done() -> None:
    network = Network()

    async def test(door: Door) -> None:
        asked = [asyncio.create_task(ask(door, item(n))) for n in range(10)]
        await asyncio.sleep(0.02)
        for one in asked[5:]:
            one.cancel()
        await asyncio.sleep(0)
        network.let.set()
        assert await asyncio.gather(*asked[:5]) == [0, 1, 2, 3, 4]
        await ask(door, item(10))

    metrics = run(network, test)
    computed = {number for batch in network.batches for number in batch}
    assert computed >= {0, 1, 2, 3, 4, 10}
    assert metrics.abandoned.counts[""] == 11 - len(computed)


def test_an_item_on_which_the_model_fails_spoils_no_other() -> None:
    network = Network(fails_on=3)

    async def test(door: Door) -> None:
        network.let.set()
        found = await asyncio.gather(*(ask(door, item(n)) for n in range(6)), return_exceptions=True)
        (failed,) = [one for one in found if isinstance(one, ProblemError)]
        assert (failed.status, [one for one in found if one is not failed]) == (500, [0, 1, 2, 4, 5])

    run(network, test)


def test_more_than_may_wait_are_refused_at_once_and_later_let_in() -> None:
    network = Network()

    async def test(door: Door) -> None:
        asked = [asyncio.create_task(ask(door, item(n))) for n in range(4)]
        await asyncio.sleep(0.02)
        with pytest.raises(ProblemError) as refused:
            await ask(door, item(4))
        assert (refused.value.status, refused.value.reason) == (503, "queue_full")
        assert refused.value.headers["Retry-After"] == "1"
        network.let.set()
        await asyncio.gather(*asked)
        assert await ask(door, item(4)) == 4
        assert door.admission.inside == 0

    run(network, test, most_waiting=4)


def test_who_cannot_be_answered_in_time_is_told_before_and_who_waited_too_long_then() -> None:
    network = Network()

    async def test(door: Door) -> None:
        with pytest.raises(ProblemError, match="the answer would take"):
            await ask(door, item(0), within_s=1e-4)
        first = asyncio.create_task(ask(door, item(1)))
        await asyncio.sleep(0.02)
        late = asyncio.create_task(ask(door, item(2), within_s=0.05))
        await asyncio.sleep(0.1)
        network.let.set()
        with pytest.raises(ProblemError, match="too late") as refused:
            await late
        assert (refused.value.status, await first) == (503, 1)

    run(network, test)
    assert network.batches == [[1]]


def test_a_fault_in_making_batches_is_told_to_those_who_wait_and_to_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    network, faults = Network(), iter([True])
    network.let.set()
    whole = CostModel.most_items

    def broken_once(costs: CostModel, width: int) -> int:
        if next(faults, False):
            raise ZeroDivisionError("no seconds")
        return whole(costs, width)

    async def test(door: Door) -> None:
        deadline = asyncio.get_running_loop().time() + SOON
        monkeypatch.setattr(CostModel, "most_items", broken_once)
        found = await asyncio.gather(
            *(door.batcher.predict(item(n), deadline) for n in range(3)), return_exceptions=True
        )
        assert [(one.status, one.reason) for one in found if isinstance(one, ProblemError)] == [(500, "internal")] * 3
        assert await door.batcher.predict(item(7), deadline) == 7

    run(network, test)
