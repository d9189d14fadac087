from __future__ import annotations

import numpy as np

from lightsmith.load_test.capacity import Found, advice, capacity_of, rates_to_try, table
from lightsmith.load_test.open_loop import Step


def step(rate: float, late_s: float = 0.01, refused: int = 0) -> Step:
    sent = int(rate)
    answered = sent - refused
    return Step(rate, 1.0, sent, answered, refused, 0, np.full(answered, late_s), np.full(refused, 0.001))


def test_the_capacity_is_the_last_rate_before_the_first_that_is_too_much() -> None:
    steps = [step(100), step(200), step(300, late_s=0.2), step(400)]
    assert capacity_of(steps, 100) is steps[1]
    assert capacity_of(steps, 300) is steps[3]
    assert capacity_of([step(2000, refused=3)], 100) is None
    assert capacity_of([step(2000, refused=2)], 100) is not None


def test_rates_rise_beyond_the_most_and_stay_below_what_is_allowed() -> None:
    rates = rates_to_try(100, 1000)
    assert rates == sorted(rates)
    assert rates[0] < 100 < rates[-1]
    assert max(rates_to_try(100, 95)) <= 95
    assert rates_to_try(100, 5) == [5]


def test_a_person_reads_counts_percentiles_and_what_to_plan_with() -> None:
    steps = [step(100), step(200, late_s=0.5, refused=1)]
    found = Found(step(180), steps, steps[0])
    assert [row.split() for row in table(found)[1:]] == [
        ["100.0", "100", "100.0", "0", "0", "10.0", "10.0", "10.0"],
        ["200.0", "200", "199.0", "1", "0", "500.0", "500.0", "500.0"],
    ]
    said = advice(found, 100)
    assert said[0].startswith("capacity   100.0 requests/s: ")
    assert said[1].startswith("plan       70.0 requests/s an instance, 70% of it")
    assert advice(found._replace(capacity=None), 100) == [
        "capacity   below 100.0 requests/s: more than 0.1% unanswered, or a p99 above 100 ms"
    ]


def test_nothing_is_planned_with_where_nothing_was_answered() -> None:
    assert capacity_of([step(10, refused=10)], 100) is None
