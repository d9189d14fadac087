"""What a person reads of a run that was killed and plainly resumed is what they would read of an undisturbed one.

In the noise of a constant learning rate the best epoch is not the last, and the classes of a few items differ at a
hair's breadth: what is forgotten shows.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from tests.plain_run import (
    Moment,
    assert_reads_the_same,
    killed,
    killed_and_resumed,
    killers,
    latest,
    resume,
    start,
    undisturbed,
)

NOISY = ("--model.schedule=constant", "--model.warmup_fraction=0", "--loggers=[csv]", "--trainer.precision=32-true")
FEW = ("--trainer.max_epochs=6", "--trainer.limit_val_batches=2", "--trainer.limit_test_batches=2")
ACCUMULATED = "--trainer.accumulate_grad_batches=3"
BATCHES = 5  # an epoch: the first three make a step, and the last two
SIZES = ("--data.train_size=40", "--data.batch_size=8", ACCUMULATED, *FEW, *NOISY)
OTHER_READERS = ("gru", "rnn", "attention")
TASKS = {
    "mnist_mlp": ("--model.lr=0.01",),
    "mnist_cnn": ("--model.lr=0.1",),
    "mnist_autoencoder": ("--model.variational=true", "--model.hidden_features=16", "--model.lr=0.05"),
    "cifar_cnn": ("--model.lr=0.05", "--model.widths=[16,16,16]"),
    "cifar_resnet": ("--model.lr=0.1",),
    "imdb_lstm": ("--model.lr=0.02", "--model.hidden_size=16"),
    **{f"imdb_lstm {n}": ("--model.lr=0.05", "--model.hidden_size=16", f"--model.network={n}") for n in OTHER_READERS},
    "text_linear": ("--model.lr=0.3", "--model.pair_buckets=5000"),
    "bert_classifier": ("--model.lr=0.002", "--data.max_tokens=16"),
    "bert_pretraining": ("--model.lr=0.002", "--data.max_tokens=16"),
    "resnet_transfer": ("--model.lr=0.05",),
    "photo_transfer": ("--model.freeze_backbone=false", "--data.image_size_px=64"),
}
MOMENTS = {
    "while gradients accumulate, by SIGTERM": Moment("on_train_batch_end", 2 * BATCHES + 2, "SIGTERM"),
    "while gradients accumulate, by SIGKILL": Moment("on_train_batch_end", 4 * BATCHES + 2, "SIGKILL"),
    "in a validation, by SIGTERM": Moment("on_validation_batch_start", 3 * BATCHES, "SIGTERM"),
    "in a validation, by SIGKILL": Moment("on_validation_batch_start", 5 * BATCHES, "SIGKILL"),
    "before a batch, by SIGTERM": Moment("on_train_batch_start", 4 * BATCHES + 4, "SIGTERM"),
}


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run of a task, whose best epoch is not the last."""
    name = request.param.split()[0]  # before the network that it is to take
    run = undisturbed(tmp_path_factory.mktemp("whole"), name, *SIZES, *TASKS[request.param])
    best, last = (torch.load(run / f"checkpoints/{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last"))
    assert best < last, (best, last)
    return run


@pytest.mark.parametrize("whole", ["mnist_mlp"], indirect=True)
@pytest.mark.parametrize("moment", ["while gradients accumulate, by SIGTERM", "in a validation, by SIGKILL"])
def test_a_killed_run_reads_as_the_undisturbed_one(whole: Path, moment: str, tmp_path: Path) -> None:
    assert_reads_the_same(
        whole, killed_and_resumed(tmp_path, "mnist_mlp", [MOMENTS[moment]], *SIZES, *TASKS["mnist_mlp"])
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("task", "whole"), list(zip(TASKS, TASKS, strict=True)), indirect=["whole"])
def test_every_task_at_every_moment(task: str, whole: Path, moment: str, tmp_path: Path) -> None:
    name = whole.parent.name
    assert_reads_the_same(whole, killed_and_resumed(tmp_path, name, [MOMENTS[moment]], *SIZES, *TASKS[task]))


@pytest.mark.slow
@pytest.mark.parametrize("whole", ["mnist_mlp"], indirect=True)
def test_a_run_folder_that_was_moved_in_between_reads_the_same(whole: Path, tmp_path: Path) -> None:
    options = (*SIZES, *TASKS["mnist_mlp"])
    run = killed(tmp_path, "mnist_mlp", [MOMENTS["in a validation, by SIGTERM"]], *options)
    elsewhere = tmp_path / "elsewhere" / "mnist_mlp"
    elsewhere.mkdir(parents=True)
    run.rename(elsewhere / run.name)
    ended = resume(tmp_path, Path("elsewhere/mnist_mlp") / run.name)
    assert ended.code == 0, ended.err
    assert_reads_the_same(whole, elsewhere / run.name)


@pytest.mark.slow
@pytest.mark.parametrize("whole", ["mnist_mlp"], indirect=True)
def test_a_run_that_torchrun_would_start_again_reads_the_same(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "launch-1")
    options = (*SIZES, *TASKS["mnist_mlp"])
    moments = [MOMENTS["in a validation, by SIGTERM"]]
    run = killed(tmp_path, "mnist_mlp", moments, *options)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    again = start(tmp_path, "mnist_mlp", *options, *killers(moments))
    assert again.code == 0, again.err
    assert tmp_path / latest(tmp_path, "mnist_mlp") == run
    assert_reads_the_same(whole, run)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_best_epoch_of_the_issue_stays_the_best(tmp_path: Path) -> None:
    # With this seed the best epoch is before the kill in 32-true; on other processors it may be another one.
    size = ("--data.train_size=500", "--trainer.max_epochs=36", "--seed_everything=3", "--trainer.precision=32-true")
    options = (*size, "--model.lr=0.01", *NOISY[:3])
    whole = undisturbed(tmp_path / "whole", "mnist_mlp", *options)
    moment = Moment("on_train_batch_end", 2 * 32 + 1, "SIGTERM")
    resumed = killed_and_resumed(tmp_path / "killed", "mnist_mlp", [moment], *options)
    assert_reads_the_same(whole, resumed)
    with (whole / "metrics.csv").open(newline="") as file:
        accuracies = [float(row["val/accuracy"]) for row in csv.DictReader(file) if row["val/accuracy"]]
    best = torch.load(resumed / "checkpoints/best.ckpt", weights_only=True)["epoch"]
    assert best == accuracies.index(max(accuracies))
