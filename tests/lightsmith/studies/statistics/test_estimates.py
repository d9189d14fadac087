import numpy as np
import pytest
from scipy import stats

from lightsmith.studies.statistics.estimates import (
    Estimate,
    Sample,
    difference,
    effective_freedom,
    mean_of,
    pairing_pays,
    quantile,
    residual,
)

ITEMS = 200


def drawn(
    rng: np.random.Generator, seeds: int, items: np.ndarray, of_seeds: float, shared: np.ndarray | float = 0.0
) -> Sample:
    """Scores of a group: the items' own, an effect of each seed, and a rest."""
    rest = rng.normal(size=(seeds, len(items)))
    scores = items + of_seeds * rng.normal(size=(seeds, 1)) + shared + rest
    return Sample(scores.mean(1), scores)


def test_without_items_unpaired_is_welchs_test() -> None:
    a, b = np.array([1.0, 2.0, 4.0]), np.array([2.5, 4.0, 3.5, 5.0])
    estimate = difference(Sample(a), Sample(b), same_seeds=False)
    told = stats.ttest_ind(b, a, equal_var=False)
    low, high = told.confidence_interval()
    assert estimate.interval == pytest.approx((low, high))
    assert estimate.p_value == pytest.approx(told.pvalue)


def test_without_items_the_same_seeds_are_paired() -> None:
    a, b = np.array([1.0, 2.0, 4.0]), np.array([2.5, 3.0, 5.5])
    estimate = difference(Sample(a), Sample(b), same_seeds=True)
    assert estimate.paired
    assert estimate.p_value == pytest.approx(stats.ttest_rel(b, a).pvalue)


def test_a_variance_by_items_alone_is_that_of_their_mean() -> None:
    by_item = np.random.default_rng(0).normal(size=500)
    same = np.stack([by_item] * 3)
    estimate = mean_of(Sample(same.mean(1), same))
    assert (estimate.of_seeds, estimate.of_items) == pytest.approx((0, by_item.var(ddof=1) / 500))
    low, high = stats.norm.interval(0.95, by_item.mean(), by_item.std(ddof=1) / 500**0.5)
    assert estimate.interval == pytest.approx((low, high))


def test_the_parts_of_the_variance_are_found_on_the_average() -> None:
    rng, found = np.random.default_rng(0), []
    for _ in range(300):
        apart = rng.normal(size=ITEMS, scale=2.0)
        a, b = drawn(rng, 4, np.zeros(ITEMS), 0.3), drawn(rng, 6, apart, 0.1)
        estimate = difference(a, b, same_seeds=False)
        found.append([estimate.of_seeds, estimate.of_items])
    of_seeds = (0.3**2 + 1 / ITEMS) / 4 + (0.1**2 + 1 / ITEMS) / 6
    assert np.mean(found, axis=0) == pytest.approx([of_seeds, 4.0 / ITEMS], rel=0.1)


@pytest.mark.parametrize("of_items", [0.0, 1.5])
@pytest.mark.parametrize("seeds", [3, 5])
def test_an_interval_holds_the_truth_in_95_of_100_comparisons(seeds: int, of_items: float) -> None:
    rng, held = np.random.default_rng(1), []
    for _ in range(600):
        apart = of_items * rng.normal(size=ITEMS)
        estimate = difference(drawn(rng, seeds, np.zeros(ITEMS), 0.1), drawn(rng, seeds, apart, 0.1), same_seeds=True)
        low, high = estimate.interval
        held.append(low <= 0 <= high)
    assert 0.93 <= np.mean(held) <= 0.97


def test_seeds_that_leave_a_trace_in_the_items_are_paired_and_then_known_better() -> None:
    rng = np.random.default_rng(0)
    shared = 3 * rng.normal(size=(5, ITEMS)) + rng.normal(size=(5, 1))
    alike = drawn(rng, 5, np.zeros(ITEMS), 0.1, shared), drawn(rng, 5, np.zeros(ITEMS), 0.1, shared)
    strange = drawn(rng, 5, np.zeros(ITEMS), 0.1), drawn(rng, 5, np.zeros(ITEMS), 0.1)
    assert pairing_pays(*alike)
    assert not pairing_pays(*strange)
    paired, unpaired = (difference(*alike, same_seeds=same) for same in (True, False))
    assert paired.paired
    assert paired.standard_error < unpaired.standard_error / 2


def test_a_group_of_one_seed_is_taken_to_vary_as_the_other() -> None:
    a, b = Sample(np.array([1.0])), Sample(np.array([2.0, 3.0, 4.0]))
    estimate = difference(a, b, same_seeds=False)
    assert (estimate.value, estimate.freedom) == (2.0, 2)
    assert estimate.of_seeds == pytest.approx(1.0 * (1 + 1 / 3))


def test_runs_that_say_the_same_are_not_told_apart() -> None:
    same = Sample(np.array([0.5, 0.5]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    estimate = difference(same, same, same_seeds=True)
    assert (estimate.interval, estimate.p_value) == ((0.0, 0.0), 1.0)


def test_a_p_value_is_5_per_cent_where_the_interval_ends_at_0() -> None:
    estimate = Estimate(1.0, 0.3, 3.0, 0.2, 1.0)
    at_the_end = estimate._replace(value=estimate.value - estimate.interval[0])
    assert at_the_end.interval[0] == pytest.approx(0)
    assert at_the_end.p_value == pytest.approx(0.05)


def test_the_quantile_lies_between_that_of_the_seeds_and_the_normal_one() -> None:
    assert quantile(1.0, 4, 0.0) == pytest.approx(stats.t.ppf(0.975, 4))
    assert quantile(0.0, 4, 1.0) == pytest.approx(stats.norm.ppf(0.975))
    assert stats.norm.ppf(0.975) < quantile(0.5, 4, 0.5) < stats.t.ppf(0.975, 4)
    assert effective_freedom(float(stats.t.ppf(0.975, 7))) == pytest.approx(7)


def test_what_seed_and_item_explain_is_no_residual() -> None:
    assert residual(np.add.outer([1.0, 2.0, 3.0], [5.0, 7.0])) == pytest.approx(0)
    assert residual(None) == 0
