import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lightsmith.records.status import write_status
from tests.conftest import ROOT, Cli
from tests.written_runs import write_classifier, write_run, write_seeds


@pytest.fixture
def two_groups() -> None:
    write_seeds(Path("runs/a"), [1, 2, 3], 0.8, experiment="a")
    write_seeds(Path("runs/b"), [1, 2, 3], 0.9, experiment="b")
    Path("runs/a/latest").symlink_to("20261126-120003")


@pytest.mark.usefixtures("two_groups")
def test_what_is_printed_is_what_is_written(lightsmith: Cli) -> None:
    outcome = lightsmith("compare", "--runs=runs/a/* runs/b", "--output=comparison.json")
    content = json.loads(Path("comparison.json").read_text())
    low, high = content["interval"]
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        f"B is better than A by {100 * content['difference']:.2f} points of accuracy, "
        f"between {100 * low:.2f} and {100 * high:.2f}.\n"
    )
    assert outcome.out.endswith("written    comparison.json\n")
    assert content["groups"][0]["runs"] == [f"runs/a/20261126-12000{seed}" for seed in (1, 2, 3)]
    assert content["left_out"] == []


@pytest.mark.usefixtures("two_groups")
def test_names_are_those_of_experiments(lightsmith: Cli) -> None:
    by_name = lightsmith("compare", "--names=a b", "--metric=loss")
    assert by_name.code == 0
    assert by_name.out == lightsmith("compare", "--runs=runs/a runs/b", "--metric=loss").out
    assert by_name.out.startswith("B is better than A by ")


@pytest.mark.usefixtures("two_groups")
def test_a_plot_is_written_by_its_ending(lightsmith: Cli) -> None:
    assert lightsmith("compare", "--names=a b", "--output=plot.svg").code == 0
    assert Path("plot.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--runs=runs/c/*"], "--runs=runs/c/* matches nothing"),
        (["--runs=runs/c"], "--runs=runs/c is nowhere"),
        (["--names=c"], "--names=c: runs/c holds no finished run"),
        (["--runs=runs/a/1", "--names=a"], "give one of them"),
        ([], "two ways to say which runs: give one of them"),
        (
            ["--runs=runs/a/1"],
            "there is one finished run, a/1: give runs of other settings beside it, or of other seeds",
        ),
        (["--runs=runs/a/failed"], "none of these runs has finished: failed failed: out of memory"),
        (
            ["--runs=runs/a/1 runs/few"],
            "a/1 was tested on 20 items and few/1 on 10: compare runs of the same test data",
        ),
        (["--runs=runs/a/1 runs/other"], "20 of 20 test items of other/1 are not those of a/1"),
        (["--runs=runs/a/1 runs/value"], "a/1 is classification and value/1 regression"),
        (["--runs=runs/a/*", "--metric=acc"], "has no such test metric; did you mean accuracy?"),
        (["--runs=runs/a/*", "--output=x.txt"], "--output=x.txt must end in .json, .svg or .png"),
        (["--runs=runs/a/*", "--output=nowhere/x.json"], "--output=nowhere/x.json cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(lightsmith: Cli, options: list[str], line: str) -> None:
    write_classifier(Path("runs/a/1"), 1, np.ones(20))
    write_status(write_run(Path("runs/a/failed"), 2, {"accuracy": 0.5}), "failed", "out of memory")
    write_classifier(Path("runs/few/1"), 1, np.ones(10))
    write_classifier(Path("runs/other/1"), 1, np.ones(20), [f"other {i}" for i in range(20)])
    write_run(Path("runs/value/1"), 1, {"rmse": 0.5}, task="regression", headline=("rmse", "min"), n=20)
    before = sorted(Path().rglob("*"))
    output = [] if any(option.startswith("--output") for option in options) else ["--output=x.json"]
    outcome = lightsmith("compare", *options, *output)
    assert (outcome.code, outcome.err.count("\n"), outcome.out) == (2, 1, "")
    assert line in outcome.err
    assert sorted(Path().rglob("*")) == before


@pytest.mark.usefixtures("two_groups")
def test_it_answers_without_torch_and_pandas() -> None:
    program = (
        "import sys, cli; code = cli.main(['compare', '--names=a b']); "
        "sys.exit(code or ', '.join({'torch', 'pandas', 'matplotlib', 'scipy.stats'} & sys.modules.keys()) or 0)"
    )
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)})
    assert (ran.returncode, ran.stderr) == (0, "")
