"""Running contenders in turn, each in a process of its own, and reading what they report."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.contenders import Contender, Race
from lightning_modules.networks.backbones import BACKBONE_PREFIX
from lightsmith.studies.child_runs import run_experiment
from lightsmith.terminal import one_line

ROOT = Path(__file__).parents[1]
Record = dict[str, Any]


def run_race(race: Race, data: str, repeats: int, quick: bool) -> dict[str, list[Record]]:
    """Every contender's records, one a repeat: A B C A B C …, so that a slow spell of the machine hits all of them.

    Args:
        data: what a contender gets as its data source.

    Raises:
        ValueError: a contender failed; its last line of output is in the message.
    """
    turns = [
        (repeat, contender)
        for repeat in range(1, repeats + 1)
        for contender in race.contenders
        if repeat <= (contender.repeats or repeats)
    ]
    records: dict[str, list[Record]] = {contender.name: [] for contender in race.contenders}
    with tempfile.TemporaryDirectory(prefix="lightsmith-bench-") as folder:
        weights = _resnet18(Path(folder)) if any("{weights}" in " ".join(c.command) for c in race.contenders) else None
        for repeat, contender in turns:
            scratch = Path(tempfile.mkdtemp(dir=folder))
            filled = {"data": data, "seed": repeat, "scratch": scratch, "weights": weights}
            record = run_contender(contender, filled, quick)
            records[contender.name].append(record)
            speed = f"{record['samples_per_second']:>12,.1f} samples/s"
            print(f"  {repeat}/{repeats}  {contender.name:<36}{speed}", flush=True)
    return records


def run_contender(contender: Contender, filled: dict[str, Any], quick: bool) -> Record:
    """Run one contender to its end and read its figures.

    Raises:
        ValueError: it failed.
    """
    scratch: Path = filled["scratch"]
    output = scratch / "record.json"
    given = contender.command
    if quick:
        given = (*given, *contender.quick)
    options = [option.format(**filled, output=output) for option in given]
    if contender.experiment:
        return _lightsmith(contender, options, scratch)
    return _baseline(contender, options, output)


def _baseline(contender: Contender, options: list[str], output: Path) -> Record:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ValueError(f"{contender.name} failed: {one_line(ValueError(_last_line(done.stderr)))}")
    record: Record = json.loads(output.read_text("utf-8"))
    return record


def _lightsmith(contender: Contender, options: list[str], runs: Path) -> Record:
    """The figures of a run in the form of a baseline's record."""
    os.environ["WANDB_MODE"] = "offline"  # a race is no run to look at
    run = run_experiment(str(contender.experiment), options=options, runs=runs, shows=False)
    if run.code or run.folder is None:
        raise ValueError(f"{contender.name} failed: {run.reason}")
    with (run.folder / "metrics.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val/accuracy")]  # of other kinds, speed is compared
    fit = run.record.fit
    return {
        "seconds": fit.seconds,
        "samples": fit.samples,
        "samples_per_second": fit.samples_per_second,
        "first_step_seconds": fit.first_step_seconds,
        "test_accuracy": run.record.test.metrics.get("accuracy"),
        "curve": [
            {
                "seconds": float(row["fit/seconds"]),
                "samples": round((int(row["step"]) + 1) * fit.samples / fit.steps),
                "accuracy": float(row["val/accuracy"]),
            }
            for row in rows
        ],
    }


def _resnet18(folder: Path) -> Path:
    """A ResNet-18 that all contenders start from, as a checkpoint of resnet_transfer.

    Its weights are random, since torchvision's have to be downloaded: what is compared is speed, and that both ways of
    training reach the same accuracy from the same start.
    """
    from torchvision.models import resnet18

    torch.manual_seed(0)
    state = resnet18().state_dict()
    path = folder / "resnet18.ckpt"
    torch.save({"state_dict": {f"{BACKBONE_PREFIX}{name}": value for name, value in state.items()}}, path)
    return path


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "nothing was printed")
