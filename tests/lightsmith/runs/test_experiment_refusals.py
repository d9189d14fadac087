from pathlib import Path

import torch

from tests.conftest import Cli

SMALL = ("--data.train_size=500", "--trainer.log_every_n_steps=1")
CSV = "--loggers=[csv]"


def test_a_checkpoint_of_another_task_or_size_or_a_damaged_one_is_refused(experiment: Cli, tmp_path: Path) -> None:
    experiment("mnist_mlp", *SMALL, CSV, "--trainer.max_epochs=1")
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    best = run / "checkpoints" / "best.ckpt"
    damaged = tmp_path / "damaged.ckpt"
    damaged.write_bytes(best.read_bytes()[:10_000])
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    before = sorted((tmp_path / "runs").rglob("*"))
    for name, option, line in (
        ("cifar_cnn", f"--ckpt_path={best}", "is a checkpoint of lightning_modules.mnist_mlp.MnistMLP"),
        ("cifar_cnn", f"--resume={run}", "is a checkpoint of lightning_modules.mnist_mlp.MnistMLP"),
        ("mnist_mlp", f"--ckpt_path={damaged}", "cannot be read as a checkpoint"),
        ("mnist_mlp", f"--ckpt_path={tmp_path}/foreign.ckpt", "is not a Lightsmith checkpoint"),
    ):
        outcome = experiment(name, option)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert line in outcome.err
    other = experiment("mnist_mlp", f"--ckpt_path={best}", "--model.hidden_features=[64, 32]")
    assert (other.code, "has another network" in other.err) == (2, True)
    assert sorted((tmp_path / "runs").rglob("*")) == before


def test_a_disk_that_cannot_be_written_is_one_line(experiment: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = experiment("mnist_mlp", f"--runs={tmp_path}/file/runs")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "cannot be written" in outcome.err
