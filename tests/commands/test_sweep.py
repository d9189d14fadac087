import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lightsmith.records.results import read_results
from lightsmith.studies.study import read_study
from tests.conftest import ROOT, Cli
from tests.network_hosts import GATEWAY, network_hosts
from tests.postgres import Server, postgres, postgres_server
from tests.sweep_kills import CLI, ENVIRONMENT, SMALL, SPACE, check_trials, digest_alone, sweep_under_kills

COMMAND = [*CLI, "sweep", "--name=mnist_mlp", "--sweep=space.yaml"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--name=mnist_mlp"], "give --name=<experiment> and --sweep=<space>.yaml, or --resume=<study> to go on"),
        (["--name=mnist_mpl", "--sweep=space.yaml"], "no experiment 'mnist_mpl'; did you mean mnist_mlp?"),
        (["--name=mnist_mlp", "--sweep=spaec.yaml"], "--sweep=spaec.yaml does not exist; did you mean space.yaml?"),
        (["--name=mnist_mlp", "--sweep=space.yaml", "--trials=0"], "--trials=0 must be at least 1"),
        (["--name=mnist_mlp", "--sweep=space.yaml", "--workers=0"], "--workers=0 must be at least 1"),
        (["--name=mnist_mlp", "--sweep=grid.yaml", "--trials=3"], "--trials=3: the grid has 2 points"),
        (["--name=mnist_mlp", "--sweep=wrong.yaml"], "wrong.yaml: unknown key model.lrr; did you mean model.lr?"),
        (["--resume=runs/nothing"], "runs/nothing holds no study.json"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(lightsmith: Cli, options: list[str], line: str) -> None:
    Path("space.yaml").write_text(SPACE)
    Path("grid.yaml").write_text("method: grid\nparameters: {model.lr: {values: [0.1, 0.2]}}\n")
    Path("wrong.yaml").write_text("method: grid\nparameters: {model.lrr: {values: [0.1, 0.2]}}\n")
    outcome = lightsmith("sweep", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(line)
    assert outcome.err.count("\n") == 1
    assert not Path("runs").exists()


@pytest.mark.slow
def test_a_sweep_that_is_interrupted_goes_on_and_ends_in_a_comparison() -> None:
    """Ctrl-C in the middle, then the same command, then more trials: each is made once, and only the end tests."""
    Path("space.yaml").write_text(SPACE)
    command = [*COMMAND, "--trials=4", "--workers=2", f"--options={SMALL}"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(3)
        os.kill(process.pid, signal.SIGINT)
        said = process.stdout.read()
        assert process.wait() == 130
    (study,) = Path("runs/mnist_mlp").iterdir()
    assert first == f"sweep      4 trials, by val/accuracy (max); writing {study}/\n"
    assert f"interrupted; go on with: make sweep RESUME={study}" in said
    again = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert f"going on with {study}/" in again.stdout
    found = json.loads((study / "trials.json").read_text())
    check_trials({**found, "folder": study}, 4)
    assert not list(study.glob("trial-*/predictions")), "a trial never looks at the test split"
    assert read_results(study / "default-seed-2").seed == 2
    groups = found["comparison"]["groups"]
    assert [group["n"] for group in groups] == [5, 5]
    assert {member.name for member in read_study(study).members} >= {"trial-0004", "default-seed-2", "default-seed-6"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_sweep_whose_processes_are_killed_loses_doubles_and_changes_nothing(tmp_path: Path) -> None:
    found = sweep_under_kills(tmp_path, kills=10, trials=8, workers=2, storage=None)
    check_trials(found, 8)
    assert len(found["kills"]) >= 5
    for trial in found["trials"][:2]:
        assert digest_alone(found, trial["name"], tmp_path) == trial["weights_sha256"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_sweep_in_postgresql_loses_doubles_and_changes_nothing(tmp_path: Path) -> None:
    with postgres() as address:
        found = sweep_under_kills(tmp_path, kills=6, trials=6, workers=2, storage=address)
    check_trials(found, 6)
    assert not list(found["folder"].glob("*.sqlite"))
    kept = "".join(file.read_text() for file in found["folder"].glob("*.json"))
    assert "secret" not in kept
    assert digest_alone(found, "trial-0001", tmp_path) == found["trials"][0]["weights_sha256"]


def trials_begun(folder: Path) -> int:
    """The trials that have a checkpoint, in the sweep of a folder."""
    return len(list(folder.glob("runs/mnist_mlp/*-sweep*/trial-*/checkpoints/last.ckpt")))


def stopped_in_mid_sweep(server: Server, process: subprocess.Popen[str]) -> None:
    """Stop a sweep's database once a trial has trained."""
    while not trials_begun(Path()):
        assert process.poll() is None
        time.sleep(0.2)
    server.stop()


AWAY = r"database   postgresql://sweeper@127.0.0.1:\d+/postgres is away \(.*\); waiting for up to 5 minutes\n"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_database_that_is_away_for_longer_than_a_lease_costs_no_trial(tmp_path: Path) -> None:
    Path("space.yaml").write_text(SPACE)
    with postgres_server() as server:
        command = [*COMMAND, "--trials=6", "--workers=2", f"--options={SMALL}", f"--storage={server.address}"]
        with subprocess.Popen(
            command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            stopped_in_mid_sweep(server, process)
            time.sleep(35)
            server.start()
            said, _ = process.communicate()
        assert process.returncode == 0, said
        assert len(re.findall(AWAY, said)) == 1
        assert "Traceback" not in said
        (study,) = Path("runs/mnist_mlp").iterdir()
        assert "Traceback" not in "".join(file.read_text() for file in (study / "output").iterdir())
        found = {**json.loads((study / "trials.json").read_text()), "folder": study}
        check_trials(found, 6)
    assert digest_alone(found, "trial-0001", tmp_path) == found["trials"][0]["weights_sha256"]


IMPATIENT = """
import sys
import cli
from lightsmith.studies.sweeps import master

master.AWAY_SECONDS = 3.0
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_database_that_stays_away_ends_a_sweep_in_one_line_and_it_goes_on_later() -> None:
    Path("space.yaml").write_text(SPACE)
    with postgres_server() as server:
        options = [*COMMAND[2:], "--trials=4", "--workers=2", f"--options={SMALL}", f"--storage={server.address}"]
        impatient = [sys.executable, "-c", IMPATIENT, *options]
        environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        with subprocess.Popen(impatient, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
            stopped_in_mid_sweep(server, process)
            said, error = process.communicate()
        assert process.returncode == 1, said + error
        (study,) = Path("runs/mnist_mlp").iterdir()
        assert error.count("\n") == 1
        assert error.endswith(f"all that was done is kept; go on, once it is there, with: make sweep RESUME={study}\n")
        assert "Traceback" not in said
        refused = subprocess.run([*CLI, *options], env=ENVIRONMENT, capture_output=True, text=True)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        server.start()
        again = subprocess.run([*CLI, *options], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert f"going on with {study}/" in again.stdout
    check_trials({**json.loads((study / "trials.json").read_text()), "folder": study}, 4)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_sweep_on_two_hosts_that_are_killed_too_loses_doubles_and_changes_nothing(tmp_path: Path) -> None:
    """Each host has a network, a name and process numbers of its own: of the other's processes it knows nothing."""
    with network_hosts(2) as hosts, postgres(GATEWAY) as address:
        found = sweep_under_kills(tmp_path, kills=8, trials=6, workers=2, storage=address, hosts=hosts)
    check_trials(found, 6)
    assert len(found["kills"]) >= 4
    assert digest_alone(found, "trial-0001", tmp_path) == found["trials"][0]["weights_sha256"]
