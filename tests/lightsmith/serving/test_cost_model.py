from __future__ import annotations

import pytest

from lightsmith.serving.cost_model import MOST_TOGETHER, CostModel, fit


def test_a_line_through_measured_batches_predicts_others() -> None:
    costs = fit(lambda width, items: 0.002 + 1e-4 * width * items, [16, 64])
    assert costs.batch_s(16, 5) == pytest.approx(0.002 + 1e-4 * 16 * 5)
    assert costs.batch_s(40, 3) == pytest.approx(0.002 + 1e-4 * 40 * 3)
    assert costs.batch_s(200, 1) == costs.batch_s(64, 1)


def test_odd_measurements_still_make_a_model() -> None:
    costs = fit(lambda width, items: 0.001 / items, [1])
    assert costs.item_s(1) > 0
    assert costs.call_s(1) > 0


def test_batches_are_as_large_as_their_duration_allows() -> None:
    costs = CostModel([16, 256], [1e-4, 0.1], [1e-3, 1e-3])
    assert (costs.most_items(16), costs.most_items(256)) == (MOST_TOGETHER, 2)
    assert CostModel([1], [10.0], [1.0]).most_items(1) == 1


def test_slower_batches_than_predicted_make_predictions_slower_and_back() -> None:
    costs = CostModel([1], [0.01], [0.01])
    for _ in range(50):
        costs.note(1, 1, 0.06)
    assert costs.batch_s(1, 1) == pytest.approx(0.06, rel=0.05)
    for _ in range(80):
        costs.note(1, 1, 0.02)
    assert costs.batch_s(1, 1) == pytest.approx(0.02, rel=0.05)
