import json
from pathlib import Path

import pytest
import torch
import yaml

from tests.conftest import Cli

SMALL = ("--data.train_size=64", "--data.batch_size=32", "--trainer.max_epochs=2", "--trainer.precision=32-true")
CSV = "--loggers=[csv]"
EARLY = "--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping"
CHECKPOINT = "--trainer.callbacks+=lightning.pytorch.callbacks.ModelCheckpoint"
REFUSED = {
    (EARLY, "monitor=val_loss"): "EarlyStopping: monitor=val_loss is not measured; did you mean val/loss?",
    (CHECKPOINT, "monitor=val_acc"): "ModelCheckpoint: monitor=val_acc is not measured; did you mean val/accuracy?",
    (EARLY, "monitor=nothing"): "is not measured (there are train/loss, train/loss_step, val/loss, val/accuracy",
    (CHECKPOINT, "monitor=val/loss", "mode=max"): "takes val/loss for worse the lower it is: set mode=min",
    (EARLY, "monitor=val/loss", "trainer.limit_val_batches=0"): "leave no validation",
    (EARLY, "monitor=val/loss", "trainer.check_val_every_n_epoch=3"): "leave no validation",
    (
        CHECKPOINT,
        "monitor=val/accuracy",
        "mode=max",
    ): "states a resumed run could not tell apart: let one watch another",
    (CHECKPOINT, "save_last=true"): "would write over the last.ckpt of SaveLast",
    (CHECKPOINT, "filename={epoch}-{val_loss:.2f}"): "val_loss is not measured; did you mean val/loss?",
    (CHECKPOINT, "filename={epoch}-{val/loss:.2f}"): (
        "write filename=epoch={epoch}-val_loss={val/loss:.2f} with auto_insert_metric_name=false"
    ),
    ("--trainer.callbacks+=lightning.pytorch.callbacks.LearningRateFinder",): "--model.lr",
    ("--trainer.callbacks+=lightning.pytorch.callbacks.BatchSizeFinder",): "--data.batch_size",
}


@pytest.mark.parametrize("mistake", REFUSED, ids=" ".join)
def test_a_callback_that_would_watch_nothing_is_refused_at_the_start(
    experiment: Cli, tmp_path: Path, mistake: tuple[str, ...]
) -> None:
    callback, *arguments = mistake
    options = (f"--{name}" if name.startswith("trainer") else f"--trainer.callbacks.{name}" for name in arguments)
    outcome = experiment("mnist_mlp", *SMALL, CSV, callback, *options)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert REFUSED[mistake] in outcome.err
    assert not (tmp_path / "runs").exists()


def test_what_a_refusal_says_to_write_instead_works(experiment: Cli, tmp_path: Path) -> None:
    name = "--trainer.callbacks.filename=epoch={epoch}-val_loss={val/loss:.2f}"
    flat = (name, "--trainer.callbacks.auto_insert_metric_name=false", "--trainer.callbacks.monitor=val/loss")
    seconds = (EARLY, "--trainer.callbacks.monitor=fit/seconds", "--trainer.callbacks.patience=1")
    outcome = experiment("mnist_mlp", *SMALL, CSV, CHECKPOINT, *flat, *seconds)
    assert (outcome.code, outcome.err) == (0, "")
    (path,) = (tmp_path / "runs/mnist_mlp/latest/checkpoints").glob("epoch=*-val_loss=*.ckpt")
    (line,) = (line for line in outcome.out.splitlines() if line.startswith(f"epoch {int(path.stem[6]) + 1}/"))
    assert f"{float(line.split()[5]):.2f}" == path.stem.rpartition("=")[2]


def test_the_best_checkpoint_is_chosen_by_any_metric_in_its_own_direction_and_the_record_says_so(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    latest = tmp_path / "runs/mnist_mlp/latest"
    worse = ("--model.optimizer=sgd", "--model.lr=3", "--model.schedule=constant", "--model.warmup_fraction=0")
    outcome = experiment("mnist_mlp", *SMALL, CSV, *worse, "--trainer.max_epochs=3", "--monitor=val/loss")
    assert (outcome.code, outcome.err) == (0, "")
    rows = [line.split() for line in outcome.out.splitlines() if line.startswith("epoch ")]
    losses = [float(row[5]) for row in rows]
    best = json.loads((latest / "results.json").read_text())["best"]
    epoch = losses.index(min(losses)) + 1
    assert epoch < 3
    assert (best["metric"], best["epoch"]) == ("val/loss", epoch)
    assert best["value"] == pytest.approx(min(losses), abs=1e-4)
    assert f"best       epoch {epoch} of 3, by val/loss {best['value']:.4f}" in outcome.out
    saved = torch.load(latest / "checkpoints/best.ckpt", weights_only=True)
    assert saved["epoch"] == epoch - 1

    settings = yaml.safe_load((latest / "config.yaml").read_text())
    checkpoint = settings["trainer"]["callbacks"][0]["init_args"]
    assert (checkpoint["monitor"], checkpoint["mode"]) == ("val/loss", "min")
    assert "monitor" not in settings
    resumed = lightsmith("run", f"-c={latest}/config.yaml", f"--resume={latest}", "--trainer.max_epochs=4")
    assert (resumed.code, resumed.err) == (0, "")
    assert json.loads((latest / "results.json").read_text())["best"]["metric"] == "val/loss"


def test_a_mode_that_nobody_gave_follows_the_metric(experiment: Cli, tmp_path: Path) -> None:
    outcome = experiment("mnist_mlp", *SMALL, CSV, EARLY, "--trainer.callbacks.monitor=val/f1", "--monitor=val/recall")
    assert (outcome.code, outcome.err) == (0, "")
    latest = tmp_path / "runs/mnist_mlp/latest"
    callbacks = yaml.safe_load((latest / "config.yaml").read_text())["trainer"]["callbacks"]
    watching = [entry["init_args"] for entry in callbacks if "monitor" in entry.get("init_args", {})]
    assert [(given["monitor"], given["mode"]) for given in watching] == [("val/recall", "max"), ("val/f1", "max")]


def test_a_metric_that_is_not_there_cannot_choose(experiment: Cli, tmp_path: Path) -> None:
    outcome = experiment("mnist_mlp", *SMALL, CSV, "--monitor=f1")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "ModelCheckpoint: monitor=f1 is not measured; did you mean val/f1?" in outcome.err
    outcome = experiment("mnist_mlp", *SMALL, CSV, "--monitor=val/f1", "--trainer.callbacks=[]", verb="fit")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "--monitor=val/f1: trainer.callbacks lacks a ModelCheckpoint with filename: best" in outcome.err
    assert not (tmp_path / "runs").exists()
