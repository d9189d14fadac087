from __future__ import annotations

import math
from itertools import pairwise

import pytest

from lightsmith.studies.tuning.curve import SMOOTHING, Curve, Suggestions, ladder, longest_fall

RATES = ladder(1e-6, 10, 100)


def sigmoid_fall(middle: float, rates: list[float] = RATES) -> list[float]:
    """Losses that fall from 2 to 1, fastest at a rate."""
    return [2 - 1 / (1 + math.exp(-5 * math.log10(rate / middle))) for rate in rates]


def suggested(losses: list[float]) -> Suggestions:
    """The suggestions of a curve of a hundred steps that falls."""
    found = Curve(RATES, losses).suggestions
    assert found is not None
    return found


def test_a_ladder_rises_by_the_same_factor_from_end_to_end() -> None:
    rates = ladder(1e-4, 1, 41)
    assert (len(rates), rates[0]) == (41, 1e-4)
    assert rates[-1] == pytest.approx(1)
    assert [b / a for a, b in pairwise(rates)] == pytest.approx([10**0.1] * 40)


def test_the_mean_is_unbiased_from_the_first_loss_on() -> None:
    assert Curve(RATES[:5], [3.0] * 5).smoothed == pytest.approx([3.0] * 5)
    assert Curve(RATES[:2], [1.0, 2.0]).smoothed == pytest.approx([1, (SMOOTHING + 2) / (SMOOTHING + 1)])


def test_the_steepest_fall_is_by_the_logarithm_of_the_rate() -> None:
    """By the rate itself it would be near the lowest, where any step is short (Lightning's finder, issue 21171)."""
    assert 1e-2 <= suggested(sigmoid_fall(1e-2)).steepest <= 4e-2  # the mean lags behind a little


def test_the_rate_chosen_is_a_quarter_of_that_of_the_lowest_loss() -> None:
    found = suggested([*sigmoid_fall(1e-3)[:70], *(1.2 + 0.1 * n for n in range(30))])
    assert RATES.index(found.lowest) == pytest.approx(72, abs=4)
    assert found.chosen == pytest.approx(found.lowest / 4)


def test_a_loss_that_comes_back_from_an_explosion_does_not_count() -> None:
    losses = [*sigmoid_fall(1e-3)[:70], *(4.0 - n for n in range(3)), *[1.1] * 27]
    assert suggested(losses).steepest == suggested(sigmoid_fall(1e-3)).steepest


def test_the_valley_is_two_thirds_into_the_longest_fall_whatever_interrupts_it() -> None:
    losses = [1.9 + n / 300 for n in range(30)] + [2 - 0.1 * n for n in range(40)] + [9.0] * 30
    interrupted = [loss + (0.01 if 40 < n < 60 and n % 7 == 0 else 0) for n, loss in enumerate(losses)]
    for given in (losses, interrupted):
        assert RATES.index(suggested(given).valley) == pytest.approx(29 + 2 / 3 * 40, abs=2)


def test_a_loss_that_never_falls_suggests_nothing() -> None:
    rising = Curve(RATES, [1 + 0.1 * n for n in range(100)])
    assert (rising.suggestions, Curve([], []).suggestions) == (None, None)


def curve(losses: list[float]) -> Curve:
    """The curve after these losses."""
    grown = Curve([], [])
    for rate, loss in zip(RATES, losses, strict=False):
        grown = grown.then(rate, loss)
    return grown


def test_a_loss_that_is_lost_is_known_and_one_that_is_only_noisy_goes_on() -> None:
    falling = [2.0 - 0.02 * n for n in range(80)]
    assert not curve(falling).diverged
    assert not curve([*falling, 3.0]).diverged, "a single step above the first"
    assert curve(falling + [20.0] * 10).diverged
    assert not curve([1 - 0.1 * n for n in range(50)]).diverged, "as it crosses zero, four times the best is nothing"


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_the_end_and_no_point_of_the_curve(loss: float) -> None:
    whole = curve(sigmoid_fall(1e-3)[:60])
    broken = whole.then(1.0, loss)
    assert broken == whole._replace(diverged=True)


def test_the_longest_fall_skips_what_does_not_belong_to_it() -> None:
    assert longest_fall([5, 4, 6, 3, 2, 7, 1]) == [0, 1, 3, 4, 6]
    assert longest_fall([1, 2, 3]) == [0]
    assert longest_fall([]) == []
