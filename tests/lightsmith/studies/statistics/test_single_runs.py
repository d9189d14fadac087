import numpy as np
import pytest
from scipy import stats

from lightsmith.studies.statistics.single_runs import MOST_RESAMPLED, difference_of_single_runs


def right(only_a: int, only_b: int, both: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.repeat([1.0, 0.0, 1.0, 0.0], [only_a, only_b, both, 10])
    b = np.repeat([0.0, 1.0, 1.0, 0.0], [only_a, only_b, both, 10])
    return a, b


def test_right_and_wrong_answers_are_judged_by_mcnemars_exact_test() -> None:
    from mlxtend.evaluate import mcnemar

    a, b = right(20, 8, 300)
    _, p_value = mcnemar(np.array([[310, 8], [20, 10]]), exact=True)
    found = difference_of_single_runs(a, b)
    assert found.p_value == pytest.approx(p_value)
    assert found.value == pytest.approx(-12 / 338)
    assert found.interval[0] < found.value < found.interval[1] < 0


def test_errors_are_judged_by_swapping_the_runs() -> None:
    rng = np.random.default_rng(0)
    a = rng.exponential(size=200)
    b = a + rng.normal(0.12, 0.5, size=200)
    found = difference_of_single_runs(a, b)
    assert found.p_value == pytest.approx(stats.ttest_rel(b, a).pvalue, abs=0.005)
    assert found.interval == pytest.approx(stats.ttest_rel(b, a).confidence_interval(), abs=0.02)
    assert difference_of_single_runs(a, b) == found


def test_of_many_items_the_mean_is_normal() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=MOST_RESAMPLED + 1)
    b = a + rng.normal(0.02, 1.0, size=len(a))
    found, told = difference_of_single_runs(a, b), stats.ttest_rel(b, a)
    assert found.p_value == pytest.approx(told.pvalue, rel=0.01)
    assert found.interval == pytest.approx(told.confidence_interval(), rel=0.01)


def test_runs_that_say_the_same_are_not_told_apart() -> None:
    a, _ = right(1, 0, 5)
    assert difference_of_single_runs(a, a) == (0.0, (0.0, 0.0), 1.0)
