"""A run that is killed and resumed ends as one that was left alone: all tasks, really killed."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from commands.verify_resume import (
    LONGEST_LINE,
    MOST_LINES,
    OF_THIS_RUN,
    differences,
    verdict,
    verify_resume,
)
from tests.conftest import Cli
from tests.plain_run import Moment, assert_reads_the_same, killed_and_resumed, undisturbed

FEW = "--data.train_size=300 --trainer.max_epochs=3 --trainer.limit_val_batches=3 --trainer.limit_test_batches=3"
OPTIONS = {
    "mnist_mlp": "--data.batch_size=4",
    "cifar_cnn": "--data.batch_size=4 --model.widths=[16,16,16] --model.dropout=0.2",
    "imdb_lstm": "--data.batch_size=4 --model.hidden_size=16",
    "bert_classifier": "--data.batch_size=4 --data.max_tokens=32 --data.train_size=100",
    "resnet_transfer": "--data.batch_size=4 --data.train_size=100",
}


@pytest.mark.slow
def test_a_killed_run_ends_as_the_undisturbed_one(capsys: pytest.CaptureFixture[str]) -> None:
    noisy = "--model.lr=0.02 --model.schedule=constant --model.warmup_fraction=0"  # the best epoch is not the last
    options = f"{FEW} {noisy} --data.batch_size=20 --trainer.accumulate_grad_batches=4 --loggers=[csv]"
    assert verify_resume("mnist_mlp", kills=2, options=options) == 0
    printed = capsys.readouterr().out
    assert re.search(r"killed       by SIGKILL after .* was saved\nkilled       by SIGTERM after step", printed)
    assert printed.endswith("identical    checkpoints, metrics and results\n")
    assert not Path("runs").exists()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", OPTIONS)
def test_every_task_killed_at_random_steps(name: str, workers: int) -> None:
    kills = 5
    options = f"{FEW} {OPTIONS[name]} --data.num_workers={workers} --loggers=[csv]"
    assert verify_resume(name, kills=kills, options=options) == 0
    print(f"| 1 | {name}, {workers} workers, killed at {kills} random moments | identical |")


# At 75 batches an epoch. When gradients accumulate, each step takes seven.
PLACES = {
    "at an epoch's end": ("on_train_epoch_end", [[batch] for batch in (1, 70, 76, 140, 151)], 1),
    "twice in one epoch": ("on_train_batch_start", [[4, 10], [11, 61], [81, 82], [101, 150], [152, 201]], 1),
    "in validation": ("on_validation_batch_start", [[1], [75], [76], [150], [151]], 1),
    "while gradients accumulate": ("on_train_batch_end", [[10], [37], [89], [150], [206]], 7),
}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("place", PLACES)
def test_killed_at_a_chosen_place(place: str, tmp_path: Path) -> None:
    hook, kills, batches = PLACES[place]
    options = [*f"{FEW} {OPTIONS['mnist_mlp']} --loggers=[csv]".split(), f"--trainer.accumulate_grad_batches={batches}"]
    whole = undisturbed(tmp_path / "whole", "mnist_mlp", *options)
    for at in kills:
        for signal in ("SIGKILL", "SIGTERM"):
            moments = [Moment(hook, batch, signal) for batch in at]
            folder = tmp_path / f"{signal}-{at}"
            assert_reads_the_same(whole, killed_and_resumed(folder, "mnist_mlp", moments, *options))
    print(f"| 2 | SIGKILL and SIGTERM {place}, {len(kills)} times each | identical |")


def test_every_kind_of_difference_is_found() -> None:
    def state() -> dict[str, Any]:
        return {"a": [1, {"b": torch.ones(2)}], "path": "/x/run/best.ckpt", "/x/run": 1.0, "seconds": 3}

    assert list(differences(state(), state(), "")) == []
    moved = {"a": [1, {"b": torch.ones(2)}], "path": "/y/best.ckpt", "/y": 1.0, "seconds": 4}
    assert list(differences(state(), moved, "", ("/x/run", "/y"))) == []
    for change in (
        {"a": [1, {"b": torch.tensor([1, 1 + 1e-7])}]},
        {"a": [1, {"b": torch.ones(2).double()}]},
        {"a": [1, {"b": torch.ones(2)}, 2]},
        {"a": (1, {"b": torch.ones(2)})},
        {"path": "/x/run/last.ckpt"},
        {"/x/run": 2.0},
        {"more": 0},
    ):
        assert len(list(differences(state(), state() | change, ""))) == 1, change
    assert "seconds" in OF_THIS_RUN


def test_a_number_that_is_none_is_the_same_as_another_such() -> None:
    weights = torch.tensor([1.0, torch.nan])
    nan = {"loss": float("nan"), "weights": weights, "steps": torch.tensor([1, 2])}
    assert list(differences(nan, {**nan, "loss": float("-nan"), "weights": weights.clone()}, "")) == []
    for change in ({"loss": 1.0}, {"weights": torch.tensor([torch.nan, 1.0])}, {"weights": torch.ones(3)}):
        assert len(list(differences(nan, nan | change, ""))) == 1, change


def test_a_difference_is_named_and_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(["last.ckpt.state_dict.x"]) == 1
    assert capsys.readouterr().out == "differs      last.ckpt.state_dict.x\n"


def test_much_that_differs_is_said_shortly(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(["x" * 10**6] * 1000) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == MOST_LINES + 1
    assert {len(line) for line in lines[:-1]} == {LONGEST_LINE}
    assert lines[-1] == f"differs      in {1000 - MOST_LINES} more places"


def test_each_row_of_metrics_is_a_place_of_its_own() -> None:
    one, other = [{"step": "1", "val/loss": "0.5"}, {"step": "2"}], [{"step": "1", "val/loss": "0.6"}]
    assert list(differences(one, other, "metrics.csv")) == [
        "metrics.csv: 2 and 1 entries",
        "metrics.csv[0].val/loss: '0.5' and '0.6'",
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--name=mnist_mpl",), "did you mean mnist_mlp?"),
        (("--name=mnist_mlp", "--kills=0"), "--kills=0 must be at least 1"),
        pytest.param(("--name=mnist_mlp", "--options=--model.lrr=1"), "did you mean model.lr?", marks=pytest.mark.slow),
    ],
)
def test_a_mistake_is_one_line(lightsmith: Cli, arguments: tuple[str, ...], line: str) -> None:
    outcome = lightsmith("verify-resume", *arguments)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert line in outcome.err


def test_long_texts_that_differ_are_one_short_line() -> None:
    (line,) = differences({"tokenizer": "a" * 10**6}, {"tokenizer": "b"}, "x")
    assert line == f"x.tokenizer: {'a' * 100!r}… (1,000,000 characters) and 'b'"
