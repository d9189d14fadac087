"""The framework's cost is told apart by steps and epochs, and the waits around a run are those a person sees."""

import numpy as np
import pytest

from benchmarks.overhead import costs, overhead, show_waits


def test_two_batch_sizes_tell_the_cost_of_a_step_and_of_an_epoch_apart() -> None:
    step, epoch = 0.0003, 0.05  # seconds: 250 steps of 16 digits, or 8 of 512, make an epoch of 4,000
    bare = {"bare loop, 16": np.array([[0.1], [0.2]]), "bare loop, 512": np.array([[0.05], [0.04]])}
    ours = {"Lightsmith, 16": 250 * step + epoch, "Lightsmith, 512": 8 * step + epoch}
    seconds = {**bare, **{name: bare[f"bare loop, {name.split()[-1]}"] + cost for name, cost in ours.items()}}
    of_step, of_epoch = costs(seconds, items=4000)
    assert of_step == pytest.approx([step, step])
    assert of_epoch == pytest.approx([8 * step + epoch] * 2)


def test_waits_are_compared_within_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    there = np.array([[8.0, 2.0], [12.0, 3.0], [10.0, 4.0]])
    show_waits({"here": there * [0.5, 0.25], "../main": there})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("from Enter to the first batch, here: 5 s (95%: ")
    assert lines[2] == "from Enter to the first batch, share of that in ../main: 0.5 (95%: 0.5 to 0.5)"
    assert lines[5] == "from the last epoch to the prompt, share of that in ../main: 0.25 (95%: 0.25 to 0.25)"


def test_one_repeat_is_refused() -> None:
    with pytest.raises(ValueError, match=r"--repeats=1 must be at least 2"):
        overhead(repeats=1)
