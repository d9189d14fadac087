from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli
from tests.lightsmith.reports.made_runs import record, write_ledger, write_run, write_study


@pytest.fixture
def runs() -> None:
    """Finished runs, a failed one, a compression and a sweep."""
    write_run(Path("runs/mnist_mlp/20260101-000000"), record(value=0.91, settings={"model.lr": 0.01}))
    failed = write_run(Path("runs/mnist_mlp/20260103-000000"), record())
    (failed / "results.json").unlink()
    status = json.loads((failed / "status.json").read_text())
    (failed / "status.json").write_text(json.dumps({**status, "state": "failed", "reason": "out of memory"}))
    write_run(Path("runs/digit_angle/20260102-000000"), record("rmse", 9.6, experiment="digit_angle", seed=7))
    write_ledger(Path("runs/mnist_mlp-compressed/20260104-000000"))
    write_study(Path("runs/mnist_mlp/20260105-000000-sweep"), 2)


@pytest.mark.usefixtures("runs")
def test_runs_and_studies_are_listed_newest_first_with_what_they_came_to(lightsmith: Cli) -> None:
    outcome = lightsmith("runs")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split() for line in outcome.out.partition("\n\n")[0].splitlines()]
    assert [line[0] for line in lines] == [
        "runs/mnist_mlp/20260105-000000-sweep",
        "runs/mnist_mlp-compressed/20260104-000000",
        "runs/mnist_mlp/20260103-000000",
        "runs/digit_angle/20260102-000000",
        "runs/mnist_mlp/20260101-000000",
    ]
    assert lines[0][1:3] == ["interrupted", "(sweep)"]
    assert lines[0][-5:] == ["2", "of", "3", "runs", "finished"]
    assert " ".join(lines[2][1:]) == "failed out of memory"
    assert lines[3][1:] == ["finished", "rmse", "9.6000", "12", "s", "seed", "7"]
    assert lines[4][1:] == ["finished", "accuracy", "0.9100", "12", "s", "model.lr=0.01", "seed", "1"]


@pytest.mark.usefixtures("runs")
def test_a_list_can_be_of_one_experiment_or_status_or_of_the_newest(lightsmith: Cli) -> None:
    assert lightsmith("runs", "--name=digit_angle").out.count("runs/") == 1
    assert "20260103" in lightsmith("runs", "--status=failed").out
    assert lightsmith("runs", "--status=failed").out.count("runs/") == 1
    assert lightsmith("runs", "--last=2").out.count("runs/") == 2
    assert lightsmith("runs", "--status=running").out.startswith("none")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--status=fail",),
            "--status=fail is not one of running, finished, failed, interrupted; did you mean failed?",
        ),
        (("--name=mnist",), "--name=mnist has no run in runs"),
        (("--last=0",), "--last=0 must be at least 1"),
        (("--runs=nowhere",), "--runs=nowhere is not a folder"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_a_mistake_is_one_line(lightsmith: Cli, options: tuple[str, ...], line: str) -> None:
    outcome = lightsmith("runs", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert line in outcome.err


@pytest.mark.usefixtures("runs")
def test_the_list_and_a_page_without_pictures_come_without_torch() -> None:
    script = "import sys, cli; code = cli.main(sys.argv[1:]); sys.exit(code or 3 * ('torch' in sys.modules))"
    for command in (["runs"], ["report", "--runs=runs/mnist_mlp/*"]):
        done = subprocess.run([sys.executable, "-c", script, *command], env={"PYTHONPATH": str(ROOT)}, check=False)
        assert done.returncode == 0, command
