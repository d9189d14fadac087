from __future__ import annotations

import pytest

from lightsmith.serving.limits import ByteBudget
from lightsmith.serving.problems import ProblemError


def test_bytes_that_others_hold_are_refused_until_they_are_free() -> None:
    budget = ByteBudget(100)
    with budget.claim(60):
        with budget.claim(40), pytest.raises(ProblemError) as refused, budget.claim(1):
            pass
        assert (refused.value.status, refused.value.reason) == (503, "memory")
    with budget.claim(100):
        pass
