"""Rates to try, and what they say of how much a service can do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from lightsmith.load_test.connection import Pool
from lightsmith.load_test.open_loop import Step, send_always, send_at

SHARES = (0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.2)  # of the most that the service does
ANSWERED = 0.999  # of the requests, within the capacity
PLANNED = 0.7  # of the capacity: requests come in bursts
PERCENTILES = (50, 95, 99)


class Plan(NamedTuple):
    """The bounds of a test."""

    connections: int
    seconds: float
    p99_ms: float
    most_rate: float


class Found(NamedTuple):
    """The result of a test: the closed loop, then each rate, and the highest that the service kept up with."""

    closed: Step
    steps: list[Step]
    capacity: Step | None


def measure(host: str, port: int, requests: Sequence[bytes], plan: Plan) -> Found:
    """Ask for as much as the service does, then at shares of that.

    Raises:
        ValueError: it answers nothing.
    """
    return asyncio.run(_measure(host, port, requests, plan))


async def _measure(host: str, port: int, requests: Sequence[bytes], plan: Plan) -> Found:
    pool = Pool(host, port, plan.connections)
    await send_always(pool, requests, plan.connections, plan.seconds / 5)  # warm
    closed = await send_always(pool, requests, plan.connections, plan.seconds)
    if not closed.answered:
        raise ValueError(f"http://{host}:{port} answers no request with 200")
    rates = rates_to_try(closed.goodput, plan.most_rate)
    steps = []
    for number, rate in enumerate(tqdm(rates, "rates", leave=False, disable=None)):
        steps.append(await send_at(pool, requests, rate, plan.seconds, seed=number))
    pool.close()
    return Found(closed, steps, capacity_of(steps, plan.p99_ms))


def rates_to_try(peak: float, most: float) -> list[float]:
    """Rising rates, requests a second."""
    return [share * peak for share in SHARES if share * peak <= most] or [most]


def capacity_of(steps: Sequence[Step], p99_ms: float) -> Step | None:
    """The last of the rising rates before the first that is too much; None where all are."""
    best = None
    for step in steps:
        if step.answered < ANSWERED * step.sent or step.latency_ms(99) > p99_ms:
            break
        best = step
    return best


def table(found: Found) -> list[str]:
    """Lines for a person."""
    heads = ("due/s", "sent", "answered/s", "refused", "failed", *(f"p{p} ms" for p in PERCENTILES))
    return ["".join(f"{head:>12}" for head in heads), *(_row(step) for step in found.steps)]


def _row(step: Step) -> str:
    counts = (f"{step.rate:,.1f}", f"{step.sent:,}", f"{step.goodput:,.1f}", f"{step.refused:,}", f"{step.failed:,}")
    return "".join(f"{cell:>12}" for cell in (*counts, *(f"{step.latency_ms(p):,.1f}" for p in PERCENTILES)))


def advice(found: Found, p99_ms: float) -> list[str]:
    """Say the capacity, and how many requests to plan for each instance."""
    if found.capacity is None:
        lowest = found.steps[0].rate
        return [f"capacity   below {lowest:,.1f} requests/s: more than 0.1% unanswered, or a p99 above {p99_ms:g} ms"]
    rate = found.capacity.rate
    return [
        f"capacity   {rate:,.1f} requests/s: the highest rate here with 99.9% answered and a p99 within {p99_ms:g} ms",
        f"plan       {PLANNED * rate:,.1f} requests/s an instance, {PLANNED:.0%} of it, as requests come in bursts; "
        "one instance more than that needs, for when one is replaced",
    ]


def record(found: Found, plan: Plan) -> dict[str, Any]:
    """The figures as JSON has them."""
    return {
        "plan": plan._asdict(),
        "closed": of_step(found.closed),
        "steps": [of_step(step) for step in found.steps],
        "capacity": found.capacity.rate if found.capacity else None,
    }


def of_step(step: Step) -> dict[str, Any]:
    """A rate's counts, and its latencies in milliseconds."""
    latencies = {f"p{p}_ms": step.latency_ms(p) if step.answered else None for p in PERCENTILES}
    counts = {"sent": step.sent, "answered": step.answered, "refused": step.refused, "failed": step.failed}
    return {"rate": step.rate, "seconds": step.seconds, **counts, "goodput": step.goodput, **latencies}
