import json
import time
from pathlib import Path

import pytest

from lightsmith.records.results import read_results
from lightsmith.studies.seeds import parse_seeds
from lightsmith.studies.study import read_study
from tests.conftest import ROOT, Cli
from tests.live_run import LiveRun
from tests.plain_run import assert_reads_the_same

SMALL = ("--data.train_size=100", "--trainer.max_epochs=2", "--loggers=[csv]", "--trainer.precision=32-true")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("5", [1, 2, 3, 4, 5]), ("1..3", [1, 2, 3]), ("0..1", [0, 1]), ("3,7,11", [3, 7, 11]), ("2..3, 9", [2, 3, 9])],
)
def test_seeds_are_a_number_a_range_or_a_list(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("three", "say how many"),
        ("3,", "say how many"),
        ("-1", "say how many"),
        ("1...3", "say how many"),
        ("5..1", "the lowest first"),
        ("0", "must be 1 to 1000 seeds"),
        ("1..4294967296", "between 0 and 4294967295"),
        ("5000", "must be 1 to 1000 seeds"),
        ("1..3,2", "names a seed twice"),
    ],
)
def test_seeds_that_mean_nothing_are_one_line(text: str, line: str) -> None:
    with pytest.raises(ValueError, match=rf"^--seeds={text}.*{line}"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--seeds=0",), "--seeds=0 must be"),
        (("--seeds=2", "--workers=0"), "--workers=0 must be at least 1"),
        (("--seeds=2", "--workers=two"), "--workers: invalid int value"),
        (("--workers=2",), "--workers=2 is for several runs: give --seeds=1..5 too"),
        (("--seeds=2", "--seed_everything=3"), "--seed_everything=3 is for one run"),
        (("--seeds=2", "--resume=runs/x"), "--resume is for one run"),
        (("--seeds=2", "--folder", "x"), "--folder is for one run"),
        (("--seeds=2", "--model.lr=1", "-c", f"{ROOT}/experiments/mnist_cnn.yaml"), "give -c <experiment> before"),
        (("--seeds=2", "--model.api_key=hf_0123456789"), "model.api_key is a key or password"),
        (("--seeds=2", "--model.api_key", "hf_0123456789"), "model.api_key is a key or password"),
    ],
)
def test_a_mistake_beside_seeds_is_one_line_before_anything_is_written(
    experiment: Cli, options: tuple[str, ...], line: str
) -> None:
    outcome = experiment("mnist_mlp", *options)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert line in outcome.err
    assert not Path("runs").exists()


def test_seeds_are_for_run(experiment: Cli) -> None:
    outcome = experiment("mnist_mlp", "--seeds=2", verb="fit")
    assert (outcome.code, "which fit does not make; give it to run" in outcome.err) == (2, True)


@pytest.mark.slow
def test_a_killed_study_that_goes_on_ends_as_each_seed_by_itself(
    tmp_path: Path, experiment: Cli, lightsmith: Cli
) -> None:
    """What a person types: SEEDS=1..3, all processes killed in the second run, RESUME=; beside plain runs."""
    with LiveRun(tmp_path / "killed", "mnist_mlp", *SMALL, "--seeds=1..3") as run:
        run.wait_until_said("== seed-2")
        (study,) = (tmp_path / "killed/runs/mnist_mlp").glob("*-seeds")
        until_saved(study / "seed-2", run)
        for process in run.left_behind():
            process.kill()
    states = [read_study(study).status_of(member).state for member in read_study(study).members]
    assert states == ["finished", "interrupted", "planned"]
    outcome = lightsmith("run", f"-c={study}/config.yaml", f"--resume={study}")
    assert (outcome.code, outcome.err) == (0, "")
    said = json.loads((study / "comparison.json").read_text())["groups"]
    assert [(group["n"], group["seeds"]) for group in said] == [(3, [1, 2, 3])]
    values = [read_results(study / f"seed-{seed}").headline.value for seed in (1, 2, 3)]
    assert said[0]["mean"] == pytest.approx(sum(values) / 3)
    assert "3 seeds spread by" in outcome.out
    for seed in (1, 2):
        assert experiment("mnist_mlp", *SMALL, f"--seed_everything={seed}").code == 0
        assert_reads_the_same((tmp_path / "runs/mnist_mlp/latest").resolve(), study / f"seed-{seed}")
    refused = lightsmith("run", f"-c={study}/config.yaml", f"--resume={study}", "--model.lr=1")
    assert (refused.code, refused.err.partition(";")[0]) == (2, "--model.lr=1: a study goes on as it began")


def until_saved(folder: Path, run: LiveRun) -> None:
    """Wait until a run has a checkpoint to go on from."""
    until = time.monotonic() + 120
    while not (folder / "checkpoints/last.ckpt").exists():
        assert time.monotonic() < until, run.out + run.err
        time.sleep(0.02)
