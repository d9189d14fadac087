import numpy as np
import pytest

from lightsmith.studies.statistics.estimates import Estimate, Sample, difference
from lightsmith.studies.statistics.seeds_needed import power, seeds_needed

ESTIMATE = Estimate(value=1.0, of_seeds=0.4, freedom=8.0, of_items=0.0, per_seed=2.0, freedom_per_seed=2.0)


def test_the_number_of_seeds_finds_the_difference_in_four_of_five_simulated_attempts() -> None:
    needed = seeds_needed(ESTIMATE)
    assert needed is not None
    rng = np.random.default_rng(0)

    def found(seeds: int) -> float:
        attempts = (
            difference(Sample(rng.normal(size=seeds)), Sample(rng.normal(1.0, size=seeds)), same_seeds=False)
            for _ in range(1500)
        )
        return float(np.mean([estimate.p_value < 0.05 for estimate in attempts]))

    assert found(needed) == pytest.approx(0.8, abs=0.04)
    assert found(needed // 2) < 0.6


def test_it_is_the_smallest_number() -> None:
    needed = seeds_needed(ESTIMATE)
    assert needed is not None
    assert power(ESTIMATE, needed - 1) < 0.8 <= power(ESTIMATE, needed)


def test_half_the_difference_needs_about_four_times_as_many() -> None:
    needed, half = seeds_needed(ESTIMATE), seeds_needed(ESTIMATE._replace(value=-0.5))
    assert needed is not None
    assert half is not None
    assert 3.5 < half / needed < 4.2


def test_no_number_of_seeds_makes_up_for_too_few_items() -> None:
    assert seeds_needed(ESTIMATE._replace(of_items=1.0)) is None
    assert seeds_needed(ESTIMATE._replace(value=0.0)) is None


def test_what_does_not_vary_needs_two() -> None:
    assert seeds_needed(ESTIMATE._replace(per_seed=0.0)) == 2
