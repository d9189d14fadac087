"""Runs that take no time: a script in place of cli.py that does what a file says of each seed, one word a start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lightsmith.studies import child_runs
from lightsmith.studies.study import Member, Study, create_study
from tests.conftest import ROOT

SCRIPT = f"""
import json, os, re, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from lightsmith.records.status import write_status

given = dict(option.lstrip("-").partition("=")[::2] for option in sys.argv[2:])
resumed = "resume" in given
folder = Path(given.get("resume") or given["folder"])
seed = re.search(r"seed-(\\d+)", folder.name)[1]
plan = json.loads(Path("plan.json").read_text())
word = "end"
if plan.get(seed):
    word = plan[seed].pop(0)
    Path("plan.json").write_text(json.dumps(plan))
with open("log.txt", "a") as log:
    log.write(f"{{seed}} {{'resumed' if resumed else 'begun'}} {{word}} {{os.environ.get('OMP_NUM_THREADS')}}\\n")
if word == "mistake":
    print("unknown key model.x", file=sys.stderr)
    sys.exit(2)
folder.mkdir(parents=True, exist_ok=resumed)
write_status(folder, "running")
(folder / "config.yaml").write_text("")
if word == "killed early":
    os.kill(os.getpid(), signal.SIGKILL)
(folder / "checkpoints").mkdir(exist_ok=True)
(folder / "checkpoints/last.ckpt").touch()
if word == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if word == "fails":
    write_status(folder, "failed", "no more numbers")
    print("no more numbers", file=sys.stderr)
    sys.exit(1)
if word == "interrupted":
    write_status(folder, "interrupted", "SIGINT")
    sys.exit(130)
if word == "long":
    signal.signal(signal.SIGTERM, lambda *_: (write_status(folder, "interrupted", "SIGTERM"), sys.exit(143)))
    time.sleep(60)
write_status(folder, "finished")
"""


def stub_study(monkeypatch: pytest.MonkeyPatch, seeds: int, **plan: list[str]) -> Study:
    """A study of so many seeds whose runs do what ``plan`` says, such as ``_2=["killed", "end"]`` for seed 2."""
    Path("stub.py").write_text(SCRIPT)
    Path("plan.json").write_text(json.dumps({seed.lstrip("_"): words for seed, words in plan.items()}))
    monkeypatch.setattr(child_runs, "CLI", Path("stub.py").resolve())
    study = create_study(Path("runs"), "seeds", ["--seeds=3"], [ROOT / "experiments/mnist_mlp.yaml"])
    return study.with_members([Member(f"seed-{n}", [f"--seed_everything={n}"]) for n in range(1, seeds + 1)])


def starts() -> list[str]:
    """What was started, in order, such as "2 resumed end"."""
    return [line.rpartition(" ")[0] for line in Path("log.txt").read_text().splitlines()]
