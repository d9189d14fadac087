"""Contenders run in turn, each in its own process, and their figures come back in one form."""

import pytest

from benchmarks.contenders import Race, baseline, lightsmith, steps
from benchmarks.race import run_race


@pytest.mark.slow
def test_a_run_of_lightsmith_and_a_baseline_report_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    ours = lightsmith("ours", "mnist_mlp", "--loggers=[csv]", quick=steps(train=5))
    theirs = baseline("theirs", "mnist_tutorial", "--epochs=1")
    records = run_race(Race("mnist", (ours, theirs)), "sample", repeats=1, quick=True)
    mine, other = records["ours"][0], records["theirs"][0]
    assert set(other) <= set(mine)
    assert [point["samples"] for point in mine["curve"]] == [5 * 256]
    assert [point["samples"] for point in other["curve"]] == [4000]
    for record in (mine, other):
        assert 0 < record["first_step_seconds"] < record["curve"][0]["seconds"] <= record["seconds"] + 0.01
        assert record["samples_per_second"] > 0
        assert 0 < record["test_accuracy"] <= 1
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["ours", "theirs"]


@pytest.mark.slow
def test_a_contender_that_fails_is_named_with_its_reason() -> None:
    broken = baseline("broken", "mnist_tutorial", "--epochs=many")
    with pytest.raises(ValueError, match=r"broken failed: .*Got value: many"):
        run_race(Race("mnist", (broken,)), "sample", repeats=1, quick=False)
