from pathlib import Path

import pytest

from tests.conftest import Cli

SMALL = ("--data.train_size=64", "--data.batch_size=32", "--trainer.max_epochs=2", "--trainer.precision=32-true")
CSV = "--loggers=[csv]"
EARLY = "--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping"
CHECKPOINT = "--trainer.callbacks+=lightning.pytorch.callbacks.ModelCheckpoint"
REFUSED = {
    (EARLY, "monitor=val_loss"): "EarlyStopping: monitor=val_loss is not measured; did you mean val/loss?",
    (CHECKPOINT, "monitor=val_acc"): "ModelCheckpoint: monitor=val_acc is not measured; did you mean val/accuracy?",
    (EARLY, "monitor=nothing"): "is not measured (there are train/loss, train/loss_step, val/loss, val/accuracy",
    (EARLY, "monitor=val/accuracy"): "mode=min takes val/accuracy for worse the higher it is: set mode=max",
    (CHECKPOINT, "monitor=val/loss", "mode=max"): "takes val/loss for worse the lower it is: set mode=min",
    (EARLY, "monitor=val/loss", "trainer.limit_val_batches=0"): "leave no validation",
    (EARLY, "monitor=val/loss", "trainer.check_val_every_n_epoch=3"): "leave no validation",
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
