from __future__ import annotations

from lightsmith.serving.admission import Admission
from lightsmith.serving.cost_model import CostModel


def test_several_networks_share_the_wait() -> None:
    costs = CostModel([1], [1e-3], [1e-2])
    assert Admission(costs).expected_wait_s(10) == 10e-3 + 1e-2
    assert Admission(costs, networks=2).expected_wait_s(10) == 5e-3 + 1e-2
    assert Admission(costs, networks=2).expected_wait_s(0) == 0


def test_slow_decoding_and_long_texts_make_the_wait_longer() -> None:
    admission = Admission(CostModel([16, 256], [1e-3, 16e-3], [1e-3, 1e-3]))
    before = admission.expected_wait_s(1)
    for _ in range(200):
        admission.note_item(256, 0.1)
    assert 0.1 < admission.expected_wait_s(1) - before < 0.12
