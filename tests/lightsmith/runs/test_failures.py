import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed import DistBackendError

from callbacks.guard_numerics import NonFiniteError
from lightning_modules.classifier import Classifier
from lightsmith.records.status import read_status
from lightsmith.runs.failures import RunFailedError, failures_explained
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
            "a loader worker (process 7) is killed by signal: Killed: "
            "if memory is short, lower --data.num_workers; continue",
        ),
        (
            RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer"),
            "another process of this run ended, so this one cannot go on; continue",
        ),
        (
            DistBackendError("NCCL error: ncclRemoteError: network error or a remote process exiting prematurely."),
            "another process of this run ended, so this one cannot go on; continue",
        ),
        (
            DistBackendError("NCCL error: invalid usage\nDuplicate GPU"),
            "the processes of this run cannot work together: NCCL error: invalid usage Duplicate GPU; continue",
        ),
    ],
)
def test_what_is_known_becomes_one_line(error: RuntimeError, line: str) -> None:
    with pytest.raises(RunFailedError) as told, failures_explained(lambda: "; continue"):
        raise error
    assert str(told.value) == line


def test_the_death_of_a_worker_is_known_when_other_code_wraps_it() -> None:
    def look_up() -> None:
        try:
            raise RuntimeError("DataLoader worker (pid 12) is killed by signal: Killed. ")
        except RuntimeError as error:
            raise TypeError("unsupported callable") from error

    with pytest.raises(RunFailedError, match=r"^a loader worker \(process 12\) is killed"), failures_explained(str):
        look_up()


@pytest.mark.parametrize("text", ["shapes differ", "Distributed package doesn't have NCCL built in", "gloo"])
def test_what_is_not_known_keeps_its_traceback(text: str) -> None:
    with pytest.raises(RuntimeError, match=rf"^{text}$"), failures_explained(lambda: ""):
        raise RuntimeError(text)


def test_a_loss_that_is_not_finite_is_one_line_and_exit_code_one(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil("loss", 5, monkeypatch)
    outcome = experiment("mnist_mlp", *SMALL, "--trainer.max_epochs=4")
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    assert outcome.code == 1
    assert outcome.err.startswith("step 5: the loss is not finite for training items ")
    assert outcome.err.endswith(f"; continue with: make exp RESUME=runs/mnist_mlp/{run.name}\n")
    assert outcome.err.count("\n") == 1
    assert not (run / "results.json").exists()
    status = read_status(run)
    assert status is not None
    assert (status.state, f"{status.reason}; continue with" in outcome.err) == ("failed", True)


def spoil(what: str, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next run meet NaN at a step: the loss, a gradient, or a batch's first item behind the first layer."""

    def on_fit_start(self: Classifier) -> None:
        def factor() -> float:
            return float("nan") if self.trainer.global_step == step and self.training else 1.0

        def first_item(module: Any, inputs: Any, output: Any) -> Any:
            return torch.cat([output[:1] * factor(), output[1:]])

        if what == "loss":
            training_step = self.training_step
            self.training_step = lambda *arguments: training_step(*arguments) * factor()  # type: ignore[method-assign]
        elif what == "gradient":
            list(self.network.parameters())[-1].register_hook(lambda gradient: gradient * factor())
        else:
            leaves = [m for m in self.network.modules() if not list(m.children()) and m.state_dict()]
            leaves[0].register_forward_hook(first_item)

    monkeypatch.setattr(Classifier, "on_fit_start", on_fit_start)


SHORT = {
    "mnist_mlp": (),
    "cifar_cnn": (),
    "resnet_transfer": (),
    "imdb_lstm": ("--data.max_tokens=40",),
    "bert_classifier": ("--data.max_tokens=16",),
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_of_thirty_injections_each_is_caught_in_its_step_and_no_checkpoint_is_poisoned(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, checkpoints = random.Random(0), 0
    for name, options in SHORT.items():
        for what in ("loss", "gradient", "input") * 2:
            step = rng.randrange(4, 12)
            with monkeypatch.context() as patched:
                spoil(what, step, patched)
                small = ("--data.train_size=32", "--data.batch_size=8", "--trainer.limit_val_batches=1")
                outcome = experiment(name, *small, *options, "--trainer.max_epochs=3", "--loggers=[csv]")
            assert outcome.code == 1, outcome.err
            assert re.match(rf"step {step}: .* is not finite for training items? \d", outcome.err), outcome.err
            assert outcome.err.count("\n") == 1
            for path in (tmp_path / "runs" / name / "latest" / "checkpoints").glob("*.ckpt"):
                saved = torch.load(path, weights_only=True)
                assert saved["global_step"] <= step
                assert all(tensor.isfinite().all() for tensor in saved["state_dict"].values())
                checkpoints += 1
    print(f"| 30 injections | 30 caught before their step was made, 0 of {checkpoints} checkpoints poisoned |")


# In a process of its own: torch raises from its signal handler, which can leave the lock of logging held.
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_loader_worker_is_one_line_and_exit_code_one(tmp_path: Path, times: int) -> None:
    rng, seconds = random.Random(0), []
    for i in range(times):
        options = (*SMALL, "--data.num_workers=2", "--trainer.max_epochs=5000")
        with LiveRun(tmp_path / str(i), "mnist_mlp", *options) as run:
            run.wait_until_said("epoch 1/")
            time.sleep(rng.uniform(0, 2))
            started = time.monotonic()
            rng.choice(run.python_processes()).kill()
            code = run.wait(60)
            seconds.append(time.monotonic() - started)
            assert code == 1
            assert re.match(KILLED_WORKER, run.err), run.err
            assert not run.left_behind()
    print(f"| killed loader workers | {times}/{times} ended, slowest after {max(seconds):.1f} s, 0 orphans |")
    assert max(seconds) <= 10
