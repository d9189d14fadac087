import numpy as np
import pytest

from lightsmith.reports.outcomes import ClassOutcomes
from lightsmith.reports.risk_coverage import risk_curve, selections, suggested

OUTCOMES = ClassOutcomes(np.array([0.9, 0.8, 0.8, 0.6]), np.array([True, True, False, False]))


def test_risk_is_of_the_most_confident_and_equal_confidences_come_together() -> None:
    assert risk_curve(OUTCOMES) == [(0.25, 0), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]


def test_a_selection_holds_the_answers_that_reach_its_threshold() -> None:
    found = {one.threshold: (one.coverage, one.risk) for one in selections(OUTCOMES)}
    assert found == {0.0: (1.0, 0.5), 0.61: (0.75, 0.3333333), 0.81: (0.25, 0.0)}


def test_the_suggested_threshold_is_the_lowest_that_halves_the_risk() -> None:
    found = selections(OUTCOMES)
    assert found[suggested(found)].threshold == 0.81
    hopeless = selections(ClassOutcomes(np.array([0.5, 0.9]), np.array([False, False])))
    assert suggested(hopeless) == len(hopeless) - 1
