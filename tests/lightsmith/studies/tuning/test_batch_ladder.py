from __future__ import annotations

import pytest

from lightsmith.studies.tuning.batch_ladder import BatchLadder, Rung, batch_sizes


def ladder(*throughputs: float) -> BatchLadder:
    """Batches of 8, 16 and so on with these items per second."""
    rungs = [Rung(8 << n, (8 << n) / throughput, 1000) for n, throughput in enumerate(throughputs)]
    return BatchLadder(rungs, "items")


@pytest.mark.parametrize(
    ("own", "items", "sizes"),
    [
        (256, 4000, [64, 128, 256]),  # 512 would leave 7 steps
        (250, 4000, [32, 64, 128, 256]),
        (16, 10_000, [4, 8, 16, 32, 64, 128, 256, 512, 1024]),
        (2, 40, [2, 4]),
        (128, 40, [4]),
        (8, 3, [2]),
    ],
)
def test_sizes_are_powers_of_two_around_the_experiments_own_that_leave_steps(
    own: int, items: int, sizes: list[int]
) -> None:
    assert batch_sizes(own, items) == sizes


def test_the_largest_that_pays_is_a_tenth_faster_than_all_smaller_ones() -> None:
    def paying(*throughputs: float) -> int:
        best = ladder(*throughputs).best
        assert best is not None
        return best.batch_size

    assert paying(100, 190, 300, 310, 305) == 32
    assert paying(100, 105, 120) == 32, "two small gains are one"
    assert paying(100, 90, 80) == 8
    assert ladder().best is None


def test_it_is_enough_after_two_sizes_in_vain() -> None:
    assert not ladder(100, 105).in_vain
    assert ladder(100, 105, 108).in_vain
    assert not ladder(100, 105, 120).in_vain
    assert not ladder().in_vain
