from pathlib import Path

import numpy as np
import pytest

from benchmarks.comparisons import alike, better, holds, right_answers, verify_compare
from tests.written_runs import write_seeds


def test_comparisons_of_runs_with_themselves_are_rarely_wrong_and_find_what_is_planted(tmp_path: Path) -> None:
    write_seeds(tmp_path, range(1, 13), 0.8, 300)
    right, rng = right_answers(f"{tmp_path}/*"), np.random.default_rng(0)
    assert right.shape == (12, 300)
    wrong = np.mean([not holds(alike(right, 5, rng), 0) for _ in range(400)])
    assert 0.02 <= wrong <= 0.08
    planted = [better(right, 5, 0.05, rng) for _ in range(200)]
    assert np.mean([estimate.value for estimate in planted]) == pytest.approx(0.05, abs=0.005)
    assert np.mean([holds(estimate, 0) for estimate in planted]) < 0.2


def test_it_prints_a_line_for_each_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_seeds(tmp_path, range(1, 21), 0.8, 50)
    verify_compare(str(tmp_path), comparisons=8, planted=0.15)
    out = capsys.readouterr().out
    assert [out.count(words) for words in ("A with A", "15.0 points better", "seeds are enough")] == [3, 3, 3]


def test_too_few_seeds_are_refused(tmp_path: Path) -> None:
    write_seeds(tmp_path, range(1, 10), 0.8, 50)
    with pytest.raises(ValueError, match="must be at least 10 seeds of one setting"):
        verify_compare(str(tmp_path))
