"""A study whose processes are killed at random moments and that is gone on with, held against an undisturbed one.

.venv/bin/python -m tests.study_kills folds --kills=10
.venv/bin/python -m tests.study_kills seeds --kills=10
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from commands.verify_resume import run_differences
from lightsmith.records.status import read_status
from lightsmith.studies.study import read_study
from tests.conftest import ROOT
from tests.network_hosts import children
from tests.sweep_kills import CLI, ENVIRONMENT

FILES = [f"--config={ROOT}/experiments/{name}.yaml" for name in ("_defaults", "mnist_mlp")]
SMALL = ["--data.train_size=600", "--trainer.max_epochs=6", "--callbacks.SaveLast.saving_share=1", "--loggers=[csv]"]
FOLDS = ["cross-validate", "--name=mnist_mlp", "--folds=3", f"--options={' '.join(SMALL)}"]
SEEDS = ["run", *FILES, *SMALL, "--seeds=1..3"]
COMPARED = (".ckpt", "results.json", "metrics.csv")  # by run_differences, but for times
# Files that say when, where or by which command a run went on, and what was saved, byte by byte with its times.
OF_ONE_RUN = ("status.json", "study.json", "config.yaml", "manifest.json")
RESUMED = "config-resumed-"


def study_of(folder: Path, command: list[str], kills: int = 0) -> Path:
    """Run a study to its end in a folder, while it is killed this many times; return the study's folder."""
    folder.mkdir(parents=True)
    while True:
        going_on = ["run", f"--resume={study_in(folder)}"] if kills_in(folder) else command
        with (folder / "output.txt").open("a") as output:
            master = subprocess.Popen([*CLI, *going_on], cwd=folder, env=ENVIRONMENT, stdout=output, stderr=output)
            if kills_in(folder) < kills:
                _kill(folder, master, everything=kills_in(folder) % 2 == 0)
            if master.wait() == 0:
                return study_in(folder)
        assert master.returncode == -signal.SIGKILL, (folder / "output.txt").read_text()[-2000:]


def study_in(folder: Path) -> Path:
    """The study in a folder; there is never another."""
    (study,) = folder.glob("runs/mnist_mlp/*-*-*")
    return study


def kills_in(folder: Path) -> int:
    """The kills that were made."""
    return (folder / "output.txt").read_text().count("\nkilled ") if (folder / "output.txt").exists() else 0


def _kill(folder: Path, master: subprocess.Popen[bytes], *, everything: bool) -> None:
    """Kill the process of a study soon after one of its runs has begun, alone or with its runs, as a power cut does."""
    while not any(_runs(run) for run in folder.glob("runs/mnist_mlp/*-*-*/*-*")):
        if master.poll() is not None:
            return
        time.sleep(0.05)
    time.sleep(random.uniform(0, 4))
    victims = [master.pid, *(children(master.pid) if everything else [])]
    if master.poll() is not None:
        return
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    with (folder / "output.txt").open("a") as output:
        output.write(f"\nkilled {len(victims)} processes\n")


def _runs(run: Path) -> bool:
    status = read_status(run)
    return status is not None and status.state == "running"


def study_differences(one: Path, other: Path) -> Iterator[str]:
    """Find where two studies differ in anything that a person reads, but for times and their own paths."""
    files = [set(_files(study)) for study in (one, other)]
    yield from (f"{name} is in one of them" for name in files[0] ^ files[1])
    for member in read_study(one).members:
        yield from (f"{member.name}: {place}" for place in run_differences(one / member.name, other / member.name))
    for name in files[0] & files[1]:
        mine, theirs = one / name, other / name
        if mine.name in OF_ONE_RUN or name.endswith(COMPARED):
            continue
        if mine.suffix == ".parquet":
            same = pq.read_table(mine).equals(pq.read_table(theirs))
        else:
            same = mine.read_bytes().replace(*_names(one)) == theirs.read_bytes().replace(*_names(other))
        if not same:
            yield name


def _files(study: Path) -> Iterator[str]:
    found = (path for path in study.rglob("*") if path.is_file() and not path.name.startswith(RESUMED))
    return (str(path.relative_to(study)) for path in found)


def _names(study: Path) -> tuple[bytes, bytes]:
    return study.name.encode(), b"study"


def main() -> None:
    """Kill, compare, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["folds", "seeds"])
    parser.add_argument("--kills", type=int, default=10)
    given = parser.parse_args()
    command = FOLDS if given.kind == "folds" else SEEDS
    with tempfile.TemporaryDirectory() as scratch:
        whole, made = study_of(Path(scratch, "whole"), [*command, "--workers=1"]), 0
        while made < given.kills:  # a study may end before it was killed often enough
            folder = Path(scratch, f"killed-after-{made}")
            found = list(study_differences(whole, study_of(folder, [*command, "--workers=2"], given.kills - made)))
            made += kills_in(folder)
            print(f"{made} kills of {given.kind}, two runs at once; differences: {found or 'none'}", flush=True)
            assert not found


if __name__ == "__main__":
    main()
