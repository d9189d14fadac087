"""A run that is killed and resumed ends as one that was left alone: all five tasks, really killed."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from commands.list_experiments import EXPERIMENTS
from commands.verify_resume import OF_THIS_RUN, differences, run_differences, verdict, verify_resume
from tests.conftest import ROOT, Cli

FEW = "--data.train_size=300 --trainer.max_epochs=3 --trainer.limit_val_batches=3 --trainer.limit_test_batches=3"
OPTIONS = {
    "mnist_mlp": "--data.batch_size=4",
    "cifar_cnn": "--data.batch_size=4 --model.widths=[16,16,16] --model.dropout=0.2",
    "imdb_lstm": "--data.batch_size=4 --model.hidden_size=16",
    "bert_classifier": "--data.batch_size=4 --data.max_tokens=32 --data.train_size=100",
    "resnet_transfer": "--data.batch_size=4 --data.train_size=100",
}


def test_a_killed_run_ends_as_the_undisturbed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_resume("mnist_mlp", options=f"{FEW} --data.batch_size=8 --loggers=[csv]") == 0
    printed = capsys.readouterr().out
    assert re.search(r"killed       after step \d+ was saved\nidentical    checkpoints, metrics and results", printed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", OPTIONS)
def test_every_task_killed_at_random_steps(name: str, workers: int) -> None:
    kills = 2
    options = f"{FEW} {OPTIONS[name]} --data.num_workers={workers} --loggers=[csv]"
    assert verify_resume(name, kills=kills, options=options) == 0
    print(f"| 1 | {name}, {workers} workers, kill -9 at {kills} random steps | identical |")


# At 75 batches an epoch. When gradients accumulate, each step takes seven.
PLACES = {
    "at an epoch's end": ("on_train_epoch_end", [[step] for step in (1, 70, 76, 140, 151)], 1),
    "twice in one epoch": ("on_train_batch_start", [[3, 9], [10, 60], [80, 81], [100, 149], [151, 200]], 1),
    "in validation": ("on_validation_batch_start", [[1], [75], [76], [150], [151]], 1),
    "while gradients accumulate": ("on_train_batch_end", [[2], [5], [13], [22], [30]], 7),
}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("place", PLACES)
def test_killed_at_a_chosen_place(place: str, tmp_path: Path) -> None:
    hook, kills, batches = PLACES[place]
    settings = yaml.safe_load((EXPERIMENTS / "_defaults.yaml").read_text("utf-8"))
    for callback in settings["trainer"]["callbacks"]:
        if callback["class_path"].endswith(".SaveLast"):
            callback["init_args"] = {"every_minutes": 1e-4}  # after almost every batch
    killer = {"class_path": "tests.kill_here.KillHere", "init_args": {"hook": hook, "steps": []}}
    settings["trainer"]["callbacks"].append(killer)
    options = f"{FEW} {OPTIONS['mnist_mlp']} --trainer.accumulate_grad_batches={batches} --loggers=[csv]"
    whole = run_and_resume(tmp_path / "whole", settings, options)
    for steps in kills:
        killer["init_args"] = {"hook": hook, "steps": steps}
        folder = tmp_path / "-".join(map(str, steps))
        killed = run_and_resume(folder, settings, options)
        assert len(list(folder.glob("killed-*"))) == len(steps)
        assert list(run_differences(whole, killed)) == []
    print(f"| 2 | kill -9 {place}, {len(kills)} times | identical |")


def run_and_resume(folder: Path, settings: dict[str, Any], options: str) -> Path:
    """The folder of a run that was resumed until it came to its end."""
    folder.mkdir()
    (folder / "mnist_mlp.yaml").write_text(yaml.safe_dump(settings))
    configs = [f"-c={folder}/mnist_mlp.yaml", f"-c={EXPERIMENTS}/mnist_mlp.yaml", "--allow_package=tests"]
    arguments = [*configs, *options.split(), f"--runs={folder}/runs"]
    for _ in range(4):
        command = [sys.executable, f"{ROOT}/cli.py", "run", *arguments]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        run = (folder / "runs/mnist_mlp/latest").resolve()
        if ended.returncode == 0:
            return run
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        arguments = [f"-c={run}/config.yaml", f"--resume={run}", "--allow_package=tests"]
    raise AssertionError(f"still killed: {folder}")


def test_every_kind_of_difference_is_found() -> None:
    def state() -> dict[str, Any]:
        return {"a": [1, {"b": torch.ones(2)}], "path": "/x/run/best.ckpt", "/x/run": 1.0, "seconds": 3}

    assert list(differences(state(), state(), "")) == []
    moved = {"a": [1, {"b": torch.ones(2)}], "path": "/y/best.ckpt", "/y": 1.0, "seconds": 4}
    assert list(differences(state(), moved, "", ("/x/run", "/y"))) == []
    for change in (
        {"a": [1, {"b": torch.tensor([1, 1 + 1e-7])}]},
        {"a": [1, {"b": torch.ones(2).double()}]},
        {"a": [1]},
        {"a": (1, {"b": torch.ones(2)})},
        {"path": "/x/run/last.ckpt"},
        {"/x/run": 2.0},
        {"more": 0},
    ):
        assert len(list(differences(state(), state() | change, ""))) == 1, change
    assert "seconds" in OF_THIS_RUN


def test_a_difference_is_named_and_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(["last.ckpt.state_dict.x"]) == 1
    assert capsys.readouterr().out == "differs      last.ckpt.state_dict.x\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--name=mnist_mpl",), "did you mean mnist_mlp?"),
        (("--name=mnist_mlp", "--kills=0"), "--kills=0 must be at least 1"),
        (("--name=mnist_mlp", "--options=--model.lrr=1"), "did you mean model.lr?"),
    ],
)
def test_a_mistake_is_one_line(lightsmith: Cli, arguments: tuple[str, ...], line: str) -> None:
    outcome = lightsmith("verify-resume", *arguments)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert line in outcome.err
