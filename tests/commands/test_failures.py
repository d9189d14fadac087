import multiprocessing
import os
import random
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from callbacks.guard_numerics import NonFiniteError
from callbacks.measure_fit import MeasureFit
from commands.failures import RunFailedError, failures_explained
from lightning_modules.classifier import Classifier
from tests.conftest import Cli
from tests.live_run import LiveRun

SMALL = ("--data.train_size=500", "--loggers=[csv]")
KILLED_WORKER = r"^a loader worker \(process [\d, ]+\) (is killed by signal: Killed|exited unexpectedly): .*\n$"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NonFiniteError("step 3: the loss is not finite"), "step 3: the loss is not finite; continue"),
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
            "a loader worker (process 7) is killed by signal: Killed: if memory is short, lower --data.num_workers; continue",
        ),
        (
            RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer"),
            "another process of this run ended, so this one cannot go on; continue",
        ),
    ],
)
def test_what_is_known_becomes_one_line(error: RuntimeError, line: str) -> None:
    with pytest.raises(RunFailedError) as told, failures_explained(lambda: "; continue"):
        raise error
    assert str(told.value) == line


def test_what_is_not_known_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="^shapes differ$"), failures_explained(lambda: ""):
        raise RuntimeError("shapes differ")


def test_a_loss_that_is_not_finite_is_one_line_and_exit_code_one(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Classifier.training_step

    def training_step(self: Classifier, batch: Any, batch_idx: int) -> Any:
        return original(self, batch, batch_idx) * (float("nan") if self.trainer.global_step == 5 else 1)

    monkeypatch.setattr(Classifier, "training_step", training_step)
    outcome = experiment("mnist_mlp", *SMALL, "--trainer.max_epochs=4")
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    assert outcome.code == 1
    assert outcome.err.startswith("step 5: the loss is not finite for training items ")
    assert outcome.err.endswith(f"; continue with: make exp RESUME=runs/mnist_mlp/{run.name}\n")
    assert outcome.err.count("\n") == 1
    assert not (run / "results.json").exists()


def test_a_killed_loader_worker_is_one_line_and_exit_code_one(
    experiment: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, killed = MeasureFit.on_train_batch_end, []

    def kill(self: MeasureFit, *arguments: Any) -> None:
        original(self, *arguments)
        if not killed:
            killed.append(time.monotonic())
            os.kill(random.choice(multiprocessing.active_children()).pid or 0, signal.SIGKILL)

    monkeypatch.setattr(MeasureFit, "on_train_batch_end", kill)
    outcome = experiment("mnist_mlp", *SMALL, "--data.num_workers=2", "--trainer.max_epochs=50")
    assert time.monotonic() - killed[0] < 10
    assert outcome.code == 1
    assert re.match(KILLED_WORKER, outcome.err)
    assert not multiprocessing.active_children()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_of_twenty_killed_loader_workers_none_leaves_a_run_hanging(tmp_path: Path) -> None:
    rng, seconds = random.Random(0), []
    for i in range(20):
        run = LiveRun(tmp_path / str(i), "mnist_mlp", *SMALL, "--data.num_workers=2", "--trainer.max_epochs=5000")
        run.wait_until_said("epoch 1/")
        time.sleep(rng.uniform(0, 2))
        worker = rng.choice(run.python_processes())
        started = time.monotonic()
        worker.kill()
        code = run.wait(60)
        seconds.append(time.monotonic() - started)
        assert code == 1
        assert re.match(KILLED_WORKER, run.err), run.err
        assert not run.left_behind()
    print(f"| killed loader workers | 20/20 ended, slowest after {max(seconds):.1f} s, 0 orphans |")
    assert max(seconds) <= 10
