import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml

from lightning_modules.classifier import Classifier
from lightsmith.runs.failures import RunFailedError
from lightsmith.runs.out_of_memory import halve_batches, ran_out_of_memory
from tests.conftest import Cli

SMALL = ("--data.train_size=500", "--loggers=[csv]", "--trainer.max_epochs=3", "--trainer.log_every_n_steps=1")


RESNET = ["--loggers=[csv]", "--trainer.max_epochs=1", "--model.backbone=resnet18", "--model.weights=null"]
RESNET += ["--data.image_size_px=32", "--trainer.limit_val_batches=1", "--trainer.limit_test_batches=1"]


def options(batch_size: int, accumulate: int = 1) -> Any:
    data = SimpleNamespace(init_args=SimpleNamespace(batch_size=batch_size))
    return SimpleNamespace(data=data, trainer=SimpleNamespace(accumulate_grad_batches=accumulate))


@pytest.mark.parametrize(
    ("before", "after"), [((256, 1), (128, 2)), ((2, 4), (1, 8)), ((15, 1), (5, 3)), ((7, 1), (1, 7))]
)
def test_smaller_batches_keep_the_items_of_a_step(before: tuple[int, int], after: tuple[int, int]) -> None:
    parsed = options(*before)
    line = halve_batches(parsed)
    assert (parsed.data.init_args.batch_size, parsed.trainer.accumulate_grad_batches) == after
    assert line == (
        f"out of memory with batches of {before[0]}: going on with data.batch_size={after[0]} and "
        f"trainer.accumulate_grad_batches={after[1]}"
    )


def test_one_item_cannot_be_halved() -> None:
    with pytest.raises(RunFailedError, match="with one item to a batch"):
        halve_batches(options(1))


def test_running_out_is_known_by_its_type_or_its_words() -> None:
    with pytest.raises((RuntimeError, MemoryError)) as refused:
        torch.empty(2**60, dtype=torch.uint8)
    assert ran_out_of_memory(refused.value)
    assert all(
        map(ran_out_of_memory, (torch.OutOfMemoryError("x"), MemoryError(), RuntimeError("CUDA out of memory.")))
    )
    assert not ran_out_of_memory(RuntimeError("shapes differ"))


def run_out_of_memory(monkeypatch: pytest.MonkeyPatch, step: int, largest_batch: int) -> None:
    """From a step on, more items to a batch than this do not fit."""
    original = Classifier.training_step

    def training_step(self: Classifier, batch: Any, batch_idx: int) -> Any:
        if self.trainer.global_step >= step and len(batch.label) > largest_batch:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", training_step)


def test_a_run_goes_on_with_smaller_batches_and_as_many_steps(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out_of_memory(monkeypatch, step=3, largest_batch=64)  # in the second of three epochs of two steps
    outcome = experiment("mnist_mlp", *SMALL)
    assert (outcome.code, outcome.err) == (0, "")
    said = [line for line in outcome.out.splitlines() if line.startswith("out of memory")]
    assert said == [
        "out of memory with batches of 256: going on with data.batch_size=128 and trainer.accumulate_grad_batches=2",
        "out of memory with batches of 128: going on with data.batch_size=64 and trainer.accumulate_grad_batches=4",
    ]
    (run,) = (tmp_path / "runs" / "mnist_mlp").glob("[0-9]*")
    fit = json.loads((run / "results.json").read_text())["fit"]
    assert (fit["epochs"], fit["steps"], fit["samples"]) == (3, 6, 1500)
    assert [line.split()[1] for line in outcome.out.splitlines() if line.startswith("epoch")] == ["1/3", "2/3", "3/3"]
    used = yaml.safe_load((run / "config-resumed-2.yaml").read_text())
    assert used["data"]["init_args"]["batch_size"] == 64
    schedule = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["lr_schedulers"][0]
    assert schedule["last_epoch"] == 6
    assert schedule["_last_lr"][0] == pytest.approx(0.0, abs=1e-9)  # the whole of the schedule, to its end


@pytest.mark.slow
def test_without_a_checkpoint_the_run_starts_again_as_if_it_had_begun_so(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smaller = ("--data.batch_size=128", "--trainer.accumulate_grad_batches=2")
    experiment("mnist_mlp", *SMALL, *smaller)
    run_out_of_memory(monkeypatch, step=1, largest_batch=128)
    assert experiment("mnist_mlp", *SMALL).code == 0
    small, halved = (
        json.loads((run / "results.json").read_text()) for run in sorted((tmp_path / "runs/mnist_mlp").glob("[0-9]*"))
    )
    assert small["test"] == halved["test"]
    assert small["fit"]["steps"] == halved["fit"]["steps"]


@pytest.mark.slow  # a ResNet-18
def test_halved_to_one_item_a_network_with_batch_norms_says_so(
    experiment: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out_of_memory(monkeypatch, step=0, largest_batch=1)
    outcome = experiment("resnet_transfer", *RESNET, "--data.batch_size=2", "--data.train_size=12")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "data.batch_size=1: ResNetTransfer cannot train on one item: Expected more than 1 value" in outcome.err


@pytest.mark.slow
def test_a_last_batch_of_one_is_trained_on_by_batch_norms_also_after_halving(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out_of_memory(monkeypatch, step=0, largest_batch=12)
    outcome = experiment("resnet_transfer", *RESNET, "--data.batch_size=16", "--data.train_size=17")
    assert (outcome.code, outcome.err) == (0, "")
    fit = json.loads((tmp_path / "runs/resnet_transfer/latest/results.json").read_text())["fit"]
    assert (fit["samples"], fit["steps"]) == (17, 1)


def test_a_run_that_never_fits_ends_in_one_line(experiment: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    run_out_of_memory(monkeypatch, step=0, largest_batch=0)
    outcome = experiment("mnist_mlp", *SMALL, "--data.batch_size=2")
    assert outcome.code == 1
    assert outcome.err == (
        "out of memory with one item to a batch: a smaller network or smaller items would fit"
        "; there was no checkpoint yet, so nothing to continue from\n"
    )
