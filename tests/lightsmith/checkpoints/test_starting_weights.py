import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.conftest import Cli

ONE_EPOCH = ("--data.train_size=300", "--loggers=[]", "--trainer.max_epochs=1")
STILL = "--model.lr=1e-12"
NARROW = ("--trainer.callbacks+=callbacks.prune_channels.PruneChannels", "--trainer.callbacks.macs=0.5")


@pytest.fixture
def latest(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "mnist_mlp" / "latest"


def accuracy(run: Path) -> float:
    results: dict[str, Any] = json.loads((run / "results.json").read_text())
    return float(results["test"]["accuracy"])


def test_a_new_run_begins_with_the_weights_of_another_and_says_so(experiment: Cli, latest: Path) -> None:
    assert experiment("mnist_mlp", *ONE_EPOCH).code == 0
    first = latest.resolve()
    outcome = experiment("mnist_mlp", *ONE_EPOCH, STILL, f"--init_from={latest}")
    assert (outcome.code, outcome.err) == (0, "")
    assert "weights    from runs/mnist_mlp/" in outcome.out
    assert latest.resolve() != first
    assert accuracy(latest) == accuracy(first) > 0.3
    last = torch.load(latest / "checkpoints" / "last.ckpt", weights_only=True)
    assert (last["epoch"], last["global_step"]) == (0, 2)
    assert yaml.safe_load((latest / "config.yaml").read_text())["init_from"] == f"{first}/checkpoints/best.ckpt"


def test_what_was_changed_in_the_network_comes_along_and_the_other_run_is_not_needed_again(
    experiment: Cli, lightsmith: Cli, latest: Path
) -> None:
    assert experiment("mnist_mlp", *ONE_EPOCH, *NARROW).code == 0
    first = latest.resolve()
    assert experiment("mnist_mlp", *ONE_EPOCH, f"--init_from={first}/checkpoints/best.ckpt").code == 0
    second = latest.resolve()
    shutil.rmtree(first)
    (second / "results.json").unlink()
    resumed = lightsmith("run", f"-c={second}/config.yaml", f"--resume={second}", "--trainer.max_epochs=2")
    assert (resumed.code, resumed.err) == (0, "")
    last = torch.load(second / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["epoch"] == 1
    assert len(last["state_dict"]["network.1.body.1.0.weight"]) < 256


def test_weights_that_are_missing_or_of_another_network_are_one_line(
    experiment: Cli, tmp_path: Path, latest: Path
) -> None:
    assert experiment("mnist_mlp", *ONE_EPOCH).code == 0
    before = sorted((tmp_path / "runs").rglob("*"))
    for name, given, option, line in (
        ("mnist_mlp", tmp_path / "nowhere", "", f"--init_from={tmp_path}/nowhere: there is no {tmp_path}/nowhere"),
        ("mnist_mlp", tmp_path, "", "give a run folder such as runs/x/latest, or a .ckpt"),
        ("cifar_cnn", latest, "--data.train_size=100", "is a checkpoint of lightning_modules.mnist_mlp.MnistMLP"),
        ("mnist_mlp", latest, "--model.hidden_features=[32]", "has another network"),
    ):
        outcome = experiment(name, *ONE_EPOCH, f"--init_from={given}", *([option] if option else []))
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert line in outcome.err
    assert sorted((tmp_path / "runs").rglob("*")) == before
