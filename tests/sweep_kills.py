"""A sweep whose processes are killed at random moments, held against its trials run alone.

.venv/bin/python -m tests.sweep_kills --kills=200 --trials=100 --workers=4 --alone=100
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightsmith.records.status import read_status
from lightsmith.studies.study import read_study
from lightsmith.studies.sweeps.sweep import trial_name
from tests.conftest import ROOT

SPACE = """method: random
parameters:
  model.lr: {distribution: log_uniform_values, min: 0.001, max: 0.02}
  model.hidden_features: {values: [[16], [32, 16]]}
"""
SMALL = "--data.train_size=200 --trainer.max_epochs=2 --callbacks.SaveLast.saving_share=1"
CLI = [sys.executable, str(ROOT / "cli.py")]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}


def sweep_under_kills(
    folder: Path, kills: int, trials: int, workers: int, storage: str | None = None
) -> dict[str, Any]:
    """Run a sweep to its end in a folder while its processes are killed; return its trials.json and the kills made."""
    (folder / "space.yaml").write_text(SPACE)
    options = ["--name=mnist_mlp", "--sweep=space.yaml", f"--trials={trials}", f"--workers={workers}"]
    command = [*CLI, "sweep", *options, f"--options={SMALL}", *([f"--storage={storage}"] if storage else [])]
    made: list[str] = []
    while True:
        with (folder / "output.txt").open("a") as output:
            master = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=output, stderr=output)
            while master.poll() is None:
                time.sleep(random.uniform(0.2, 2.5))
                if len(made) < kills and any(folder.glob("runs/*/*/sweep.json")):
                    made += _kill_one(master.pid)
        assert master.returncode in (0, -signal.SIGKILL), (folder / "output.txt").read_text()[-2000:]
        if master.returncode == 0:
            (study,) = folder.glob("runs/mnist_mlp/*-sweep*")
            return {**json.loads((study / "trials.json").read_text()), "kills": made, "folder": study}


def _kill_one(master: int) -> Iterator[str]:
    """Kill the first process of a sweep or one of its workers, once it has some: it spends seconds with imports."""
    children = Path(f"/proc/{master}/task/{master}/children")
    workers = [int(number) for number in children.read_text().split()] if children.exists() else []
    if not workers:
        return
    victim = random.choice([master, *workers])
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return
    yield "master" if victim == master else "worker"


def check_trials(found: dict[str, Any], trials: int) -> None:
    """Every trial has ended, once, in a folder of its own; none is lost, doubled or stuck."""
    names = [trial_name(number) for number in range(1, trials + 1)]
    assert [trial["name"] for trial in found["trials"]] == names
    assert {trial["outcome"] for trial in found["trials"]} == {"finished"}
    assert sorted(path.name for path in found["folder"].glob("trial-*")) == names
    for name in names:
        status = read_status(found["folder"] / name)
        assert status is not None
        assert status.state == "finished", name
    assert all(len(trial["validations"]) == 2 for trial in found["trials"])
    assert len(list(found["folder"].glob("*-seed-*/results.json"))) == 10


def digest_alone(found: dict[str, Any], name: str, scratch: Path) -> str:
    """The weights of a trial's settings, fitted by `cli.py fit` in a process that nobody disturbs."""
    from lightsmith.checkpoints.rebuild import read_checkpoint
    from lightsmith.records.gather import weights_sha256

    study = read_study(found["folder"])
    member = next(member for member in study.members if member.name == name)
    command = [*CLI, "fit", *study.command_of(member), f"--folder={scratch / name}"]
    subprocess.run(command, cwd=scratch, env=ENVIRONMENT, check=True, capture_output=True)
    return weights_sha256(read_checkpoint(scratch / name / "checkpoints/best.ckpt")["state_dict"])


def main() -> None:
    """Kill, check, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default in (("kills", 200), ("trials", 100), ("workers", 4), ("alone", 100)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--storage")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, began = Path(scratch), time.monotonic()
        found = sweep_under_kills(folder, given.kills, given.trials, given.workers, given.storage)
        check_trials(found, given.trials)
        kills = found["kills"]
        print(f"{given.trials} trials in {time.monotonic() - began:.0f} s, {len(kills)} kills,", end=" ")
        print(f"{kills.count('master')} of the master: none lost, doubled or stuck", flush=True)
        chosen = random.sample(found["trials"], min(given.alone, given.trials))
        for trial in chosen:
            assert digest_alone(found, trial["name"], folder) == trial["weights_sha256"], trial
        print(f"weights_sha256 of {len(chosen)} trials equal those of their settings run alone")


if __name__ == "__main__":
    main()
