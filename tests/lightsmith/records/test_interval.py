import numpy as np
import pytest

from lightsmith.records.interval import error_intervals, wilson_interval


@pytest.mark.parametrize(("right", "n"), [(67, 72), (0, 5), (5, 5), (478, 500)])
def test_the_interval_is_wilsons(right: int, n: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right / n, n) == pytest.approx(list(expected), abs=6e-5)


def test_intervals_of_errors_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    found = [error_intervals(rng.normal(0, 2, size=100)) for _ in range(100)]
    for name, truth in (("rmse", 2.0), ("mae", 2 * (2 / np.pi) ** 0.5)):
        assert 85 <= sum(low <= truth <= high for low, high in (one[name] for one in found)) <= 99


def test_the_same_errors_have_the_same_intervals() -> None:
    errors = np.arange(10.0)
    assert error_intervals(errors) == error_intervals(errors)
    assert error_intervals(np.full(5, -3.0)) == {"rmse": [3.0, 3.0], "mae": [3.0, 3.0]}
