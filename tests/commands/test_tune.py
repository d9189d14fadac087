import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lightsmith.records.results import read_results
from lightsmith.settings.experiments import experiment_files
from tests.conftest import ROOT, Cli

SMALL = "--data.train_size=300 --data.batch_size=16 --trainer.precision=32-true --loggers=[csv]"
QUICK = "--trainer.precision=32-true --loggers=[csv]"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--name=mnist_mpl",), "no experiment 'mnist_mpl'; did you mean mnist_mlp"),
        (("--name=mnist_mlp", "--steps=5"), "--steps=5 must lie between 20 and 1000"),
        (("--name=mnist_mlp", "--min_rate=0"), "--min_rate=0 must be above 0, and --max_rate=10 at least ten times"),
        (("--name=mnist_mlp", "--min_rate=2"), "--min_rate=2 must be above 0, and --max_rate=10 at least ten times"),
        (("--name=mnist_mlp", "--max_rate=5e-6"), "--max_rate=5e-06 at least ten times as high"),
        (("--name=mnist_mlp", "--data=nowhere"), "nowhere"),
        (("--name=mnist_mlp", "--options=--model.lrr=1"), "model.lrr; did you mean model.lr?"),
        (
            ("--name=mnist_mlp", "--options=--trainer.devices=2"),
            "trainer.devices=2: tune uses one device; leave it out",
        ),
        (("--name=mnist_mlp", "--options=--resume=x"), "--resume=x is for one run"),
        (("--name=mnist_mlp", "--stepz=30"), "--stepz=30; did you mean --steps?"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(lightsmith: Cli, options: tuple[str, ...], line: str) -> None:
    outcome = lightsmith("tune", *options)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert line in outcome.err
    assert not Path("runs").exists()


def test_a_tune_takes_a_seed_as_a_run_does(lightsmith: Cli) -> None:
    outcome = lightsmith("tune", "--name=mnist_mlp", "--options=--seed_everything=7 --model.lrr=1")
    assert "model.lrr; did you mean model.lr?" in outcome.err


@pytest.mark.slow
def test_a_tune_is_a_study_that_is_listed_and_shown_and_moves_no_latest(lightsmith: Cli) -> None:
    outcome = lightsmith("tune", "--name=mnist_mlp", "--steps=60", f"--options={SMALL}")
    assert (outcome.code, outcome.err) == (0, ""), outcome.err
    (folder,) = Path("runs/mnist_mlp").iterdir()
    assert re.fullmatch(r"\d{8}-\d{6}-tune", folder.name)
    assert {path.name for path in folder.iterdir()} == {
        *("study.json", "tune.json", "tune.svg", "settings-1.yaml", "settings-2.yaml")
    }
    record = json.loads((folder / "tune.json").read_text())
    assert f"rate       model.lr={record['suggested']:g}; the experiment has 0.003\n" in outcome.out
    assert f"use        {record['commands'][0]}\n" in outcome.out
    assert record["fit_steps"] == 15 * 19
    listed = lightsmith("runs").out.splitlines()[0]
    assert listed.startswith(f"{folder}  finished (tune)")
    assert f"suggests model.lr={record['suggested']:g}" in listed
    assert lightsmith("report", f"--study={folder}").code == 0
    page = (folder / "report.html").read_text()
    assert record["commands"][0].replace('"', '\\"') in page
    refused = lightsmith("run", f"--resume={folder}")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "is a tune, which has no runs" in refused.err


@pytest.mark.slow
def test_a_run_after_a_tune_is_the_run_that_was_typed(lightsmith: Cli) -> None:
    """The weights of the command that was printed, in the process of the tune and in one without."""
    lightsmith("tune", "--name=mnist_mlp", f"--options={SMALL} --trainer.max_epochs=2")
    (folder,) = Path("runs/mnist_mlp").iterdir()
    command = json.loads((folder / "tune.json").read_text())["commands"][0]
    (given,) = (word.removeprefix("ARGS=") for word in shlex.split(command) if word.startswith("ARGS="))
    configs = [f"--config={ROOT}/experiments/{part}.yaml" for part in ("_defaults", "mnist_mlp")]
    options = [*configs, *shlex.split(given)]
    assert lightsmith("run", *options, "--folder=after").code == 0
    subprocess.run([sys.executable, ROOT / "cli.py", "run", *options, "--folder=alone"], check=True)
    after, alone = (read_results(Path(name).resolve()) for name in ("after", "alone"))
    assert after.model.weights_sha256 == alone.model.weights_sha256
    assert after.settings["model.lr"] == json.loads((folder / "tune.json").read_text())["suggested"]  # type: ignore[index]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(experiment_files()))
def test_every_experiment_can_be_tuned(lightsmith: Cli, name: str) -> None:
    outcome = lightsmith("tune", f"--name={name}", f"--options={QUICK} --data.train_size=200")
    assert (outcome.code, outcome.err) == (0, ""), outcome.err
    (folder,) = Path(f"runs/{name}").iterdir()
    record = json.loads((folder / "tune.json").read_text())
    assert record["option"] == "model.lr"
    assert record["batches"]
