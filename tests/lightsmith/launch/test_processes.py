import random
import time
from pathlib import Path

import pytest

from tests.live_run import LiveRun

TWO = ("--trainer.strategy=ddp", "--trainer.devices=2", "--trainer.accelerator=cpu", "--loggers=[csv]")
ENDED = "another process of this run ended, so this one cannot go on"


def kill_one_rank(run: LiveRun, which: int) -> float:
    """Kill the first process or the second, and return after how many seconds none is left."""
    run.wait_until_said("epoch 1/")
    first, second = run.process, run.python_processes()[0]
    started = time.monotonic()
    (first if which == 0 else second).kill()
    while run.left_behind():
        assert time.monotonic() < started + 60
        time.sleep(0.1)
    return time.monotonic() - started


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1])
def test_the_process_that_survives_says_so_and_ends(tmp_path: Path, which: int) -> None:
    with LiveRun(tmp_path / "x", "mnist_mlp", *TWO, "--data.train_size=200", "--trainer.max_epochs=5000") as run:
        assert kill_one_rank(run, which) < 10
        assert run.err.startswith(ENDED), run.err
        assert run.err.count("\n") == 1, run.err
        assert run.wait(1) == (-9 if which == 0 else 1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_of_ten_killed_ranks_none_leaves_a_process_behind(tmp_path: Path) -> None:
    rng, seconds = random.Random(0), []
    for i in range(10):
        options = (*TWO, "--data.train_size=1000", "--trainer.max_epochs=5000")
        with LiveRun(tmp_path / str(i), "mnist_mlp", *options) as run:
            run.wait_until_said("epoch 1/")
            time.sleep(rng.uniform(0, 3))
            seconds.append(kill_one_rank(run, which=i % 2))
            assert run.err.startswith(ENDED), run.err
    print(f"| killed ranks | 10/10 survivors ended, slowest after {max(seconds):.1f} s, 0 orphans |")
    assert max(seconds) <= 10
