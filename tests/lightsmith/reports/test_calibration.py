import numpy as np
import pytest

from lightsmith.reports.calibration import expected_calibration_error, reliability_bins
from lightsmith.reports.outcomes import ClassOutcomes


def test_probabilities_that_come_true_have_no_error_and_certain_mistakes_the_whole() -> None:
    confidence = np.full(1000, 0.7)
    right = np.arange(1000) < 700
    assert expected_calibration_error(reliability_bins(ClassOutcomes(confidence, right))) == pytest.approx(0)
    certain = ClassOutcomes(np.ones(10), np.zeros(10, bool))
    assert expected_calibration_error(reliability_bins(certain)) == 1


def test_every_item_lies_in_one_bin_even_one_of_probability_1() -> None:
    rng = np.random.default_rng(0)
    outcomes = ClassOutcomes(np.append(rng.random(99), 1.0), rng.random(100) < 0.5)
    bins = reliability_bins(outcomes)
    assert sum(one.n for one in bins) == 100
    assert all(abs(one.confidence - one.centre) <= 1 / 30 + 1e-12 for one in bins)
