"""A sweep whose processes are killed at random moments, held against its trials run alone.

.venv/bin/python -m tests.sweep_kills --kills=200 --trials=100 --workers=4 --alone=100
.venv/bin/python -m tests.sweep_kills --kills=20 --trials=12 --workers=2 --hosts=2       # as root, over PostgreSQL

With --folder= it can be ended by SIGTERM, and goes on there by the same command.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from lightsmith.records.status import read_status
from lightsmith.studies.study import read_study
from lightsmith.studies.sweeps.sweep import trial_name
from tests.conftest import ROOT
from tests.network_hosts import GATEWAY, Host, children, network_hosts
from tests.postgres import postgres

SPACE = """method: random
parameters:
  model.lr: {distribution: log_uniform_values, min: 0.001, max: 0.02}
  model.hidden_features: {values: [[16], [32, 16]]}
"""
SMALL = "--data.train_size=200 --trainer.max_epochs=2 --callbacks.SaveLast.saving_share=1"
CLI = [sys.executable, str(ROOT / "cli.py")]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}
KILLS = "kills.txt"  # a line for each that was made


def sweep_under_kills(
    folder: Path, kills: int, trials: int, workers: int, storage: str | None = None, hosts: Sequence[Host] = ()
) -> dict[str, Any]:
    """Run a sweep to its end in a folder while its processes are killed; return its trials.json and the kills made.

    Args:
        hosts: where it runs, on all at once; this machine when empty.
    """
    (folder / "space.yaml").write_text(SPACE)
    shared = [f"--workers={workers}", *([f"--storage={storage}"] if storage else [])]
    begin = ["--name=mnist_mlp", "--sweep=space.yaml", f"--trials={trials}", f"--options={SMALL}", *shared]
    places = [Place(folder, begin, shared, host) for host in hosts] or [Place(folder, begin, shared, None)]
    try:
        while study_in(folder) is None:
            places[0].tend()
            time.sleep(0.2)
        while going := [place for place in places if not place.tend()]:
            time.sleep(random.uniform(0.2, 2.5) / len(going))
            if len(kills_in(folder)) < kills * min(1, (_ended(folder) + 1) / trials):  # they are spread over all
                random.choice(going).kill_one()
    finally:
        for place in places:
            place.end()
    study = study_in(folder)
    assert study is not None
    return {**json.loads((study / "trials.json").read_text()), "kills": kills_in(folder), "folder": study}


def study_in(folder: Path) -> Path | None:
    """The study of the sweep in a folder, once that is written down."""
    found = [file.parent for file in folder.glob("runs/mnist_mlp/*-sweep*/sweep.json")]
    assert len(found) < 2, f"the sweep was begun twice: {found}"
    return found[0] if found else None


def _ended(folder: Path) -> int:
    """The trials whose runs have come to their end."""
    found = [read_status(run) for run in folder.glob("runs/mnist_mlp/*/trial-*")]
    return sum(status is not None and status.state == "finished" for status in found)


def kills_in(folder: Path) -> list[str]:
    """What was killed, in order."""
    file = folder / KILLS
    return file.read_text().splitlines() if file.exists() else []


class Place:
    """A machine on which a sweep is begun again each time that it is killed, until it ends by itself.

    Args:
        begin: options that begin the sweep, and that go on with it on the machine where it began.
        shared: those that go on with it on others.
        host: None for this machine.
    """

    def __init__(self, folder: Path, begin: list[str], shared: list[str], host: Host | None) -> None:
        self._folder = folder
        self._begin = begin
        self._shared = shared
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None

    def tend(self) -> bool:
        """Start the sweep unless it runs; return whether it has come to its end here."""
        code = None if self._process is None else self._process.poll()
        assert code in (None, 0, -signal.SIGKILL), (self._folder / "output.txt").read_text()[-2000:]
        if self._process is None or code:
            self._start()
        return code == 0

    def _start(self) -> None:
        study = study_in(self._folder)
        begins = self._host is None or study is None
        command = [*CLI, "sweep", *(self._begin if begins else [f"--resume={study}", *self._shared])]
        there = command if self._host is None else self._host.command(self._folder, command)
        with (self._folder / "output.txt").open("a") as output:
            self._process = subprocess.Popen(there, cwd=self._folder, env=ENVIRONMENT, stdout=output, stderr=output)

    @property
    def _master(self) -> int | None:
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid if self._host is None else next(iter(children(self._process.pid)), None)

    def kill_one(self) -> None:
        """Kill the first process of the sweep, one of its workers, or all of its host, once there are workers."""
        master = self._master
        workers = children(master) if master else []  # it spends seconds with imports before it has any
        if not master or not workers:
            return
        victim = random.choice([master, *workers, *([0] if self._host else [])])
        if self._host and not victim:
            self._host.restart()
        else:
            with suppress(ProcessLookupError):  # where it has just ended
                os.kill(victim, signal.SIGKILL)
        what = {0: "host", master: "master"}.get(victim, "worker")
        with (self._folder / KILLS).open("a") as kills:
            kills.write(f"{what}\n")

    def end(self) -> None:
        """Let the sweep save what it runs, and end it."""
        if master := self._master:
            os.kill(master, signal.SIGTERM)
        if self._process is not None:
            self._process.wait()


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

    study, folder = read_study(found["folder"]), scratch / name
    status = read_status(folder)
    if status is None or status.state != "finished":
        shutil.rmtree(folder, ignore_errors=True)
        member = next(member for member in study.members if member.name == name)
        command = [*CLI, "fit", *study.command_of(member), f"--folder={folder}"]
        subprocess.run(command, cwd=scratch, env=ENVIRONMENT, check=True, capture_output=True)
    return weights_sha256(read_checkpoint(folder / "checkpoints/best.ckpt")["state_dict"])


def main() -> None:
    """Kill, check, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default in (("kills", 200), ("trials", 100), ("workers", 4), ("alone", 100), ("hosts", 0)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        hosts = stack.enter_context(network_hosts(given.hosts)) if given.hosts else []
        storage = stack.enter_context(postgres(GATEWAY)) if hosts else None
        began = time.monotonic()
        found = sweep_under_kills(folder.resolve(), given.kills, given.trials, given.workers, storage, hosts)
        check_trials(found, given.trials)
        print(
            f"{given.trials} trials in {time.monotonic() - began:.0f} s, none lost, doubled or stuck; killed:", end=" "
        )
        print(", ".join(f"{what} {n} times" for what, n in sorted(Counter(found["kills"]).items())), flush=True)
        chosen = random.Random(0).sample(found["trials"], min(given.alone, given.trials))
        for trial in chosen:
            assert digest_alone(found, trial["name"], folder) == trial["weights_sha256"], trial
        print(f"weights_sha256 of {len(chosen)} trials equal those of their settings run alone")


if __name__ == "__main__":
    main()
