import pytest

from lightsmith.records.interval import wilson_interval


@pytest.mark.parametrize(("right", "n"), [(67, 72), (0, 5), (5, 5), (478, 500)])
def test_the_interval_is_wilsons(right: int, n: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right / n, n) == pytest.approx(list(expected), abs=6e-5)
