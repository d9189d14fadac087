"""Costs of many runs: sweeps with workers that stay warm, and with pruning, and cross-validation.

.venv/bin/python -m benchmarks.studies warm
.venv/bin/python -m benchmarks.studies pruned --folder=measured --repeats=5
.venv/bin/python -m benchmarks.studies folds
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from tqdm.auto import tqdm

from benchmarks.command_line import answer
from benchmarks.report import machine
from lightsmith.settings.experiments import EXPERIMENTS, experiment_file
from lightsmith.studies.child_runs import CLI
from lightsmith.studies.comparison import compare_runs
from lightsmith.studies.comparisons.lines import print_comparison

NAME = "mnist_mlp"
SHORT = "--data.train_size=200 --trainer.max_epochs=2"  # a trial that a start-up of seconds would dwarf
RATES = {"distribution": "log_uniform_values", "min": 0.0003, "max": 0.03}
WARM = {"method": "random", "parameters": {"model.lr": RATES}}
# Epochs that take a tenth of a second, and as many as the experiment has.
PRUNED: dict[str, Any] = {
    "method": "random",
    "run_cap": 24,
    "early_terminate": {"type": "median", "min_iter": 1},
    "parameters": {
        "data.train_size": {"value": 1000},
        "data.batch_size": {"value": 64},
        "model.lr": RATES,
        "model.weight_decay": {"distribution": "log_uniform_values", "min": 0.001, "max": 0.3},
        "model.hidden_features": {"values": [[64], [256, 128], [512, 256]]},
        "data.crop_padding_px": {"min": 0, "max": 3},
    },
}


def warm(trials: int = 12, alone: int = 4) -> None:
    """Measure trials an hour of one worker, and of a process for each trial, as a shell's loop would start them.

    Half of the processes run before the sweep and half after it, so that a slow spell of the machine hits both.

    Args:
        trials: of the sweep.
        alone: processes.

    Raises:
        ValueError: a run failed.
    """
    with tempfile.TemporaryDirectory(prefix="lightsmith-sweeps-") as scratch:
        folder = Path(scratch)
        _process(folder)  # reads everything from the disk once, and encodes the sample
        before = [_process(folder) for _ in range(alone // 2)]
        each = _warm_seconds(folder, trials)
        processes = before + [_process(folder) for _ in range(alone - alone // 2)]
    cold = median(processes)
    print(
        f"a process for each trial: {3600 / cold:.0f} trials an hour (median {cold:.2f} s); "
        f"warm: {3600 / each:.0f} (median {each:.2f} s between ends), {cold / each:.1f} times as many; {machine()}"
    )


def _process(folder: Path) -> float:
    """Fit a trial by a command of its own; return the seconds from Enter to the prompt."""
    return _run(folder, "fit", *_configs(), "--loggers=[csv]", *SHORT.split())


def _configs() -> list[str]:
    return [f"--config={file}" for file in (EXPERIMENTS / "_defaults.yaml", experiment_file(NAME))]


def _warm_seconds(folder: Path, trials: int) -> float:
    """The median seconds between the ends of a sweep's trials; its comparison is not waited for."""
    ends: list[float] = []
    command = _sweep(folder, WARM, trials, SHORT)
    with subprocess.Popen(command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, text=True) as sweep:
        for line in sweep.stdout or ():
            ends += [time.monotonic()] * line.startswith("trial ")
            if len(ends) == trials:
                break
        sweep.terminate()
        sweep.communicate()
    if len(ends) < trials:
        raise ValueError(f"the sweep ended after {len(ends)} of {trials} trials")
    return median(end - start for start, end in pairwise(ends))


def pruned(folder: Path, repeats: int = 5) -> None:
    """Compare sweeps that end bad trials early with the same sweeps without that: epochs, and the winners' tests.

    Args:
        folder: where the sweeps are; what was interrupted goes on there.
        repeats: each draws other settings.

    Raises:
        ValueError: a sweep failed.
    """
    saved, told = [], 0
    for repeat in tqdm(range(1, repeats + 1), "repeats", disable=None):
        studies = [_swept(folder / f"{kind}-{repeat}", kind, repeat) for kind in ("whole", "pruned")]
        records = [json.loads((study / "trials.json").read_text(encoding="utf-8")) for study in studies]
        whole, short = (sum(trial["epochs"] for trial in record["trials"]) for record in records)
        saved.append(1 - short / whole)
        print(f"\nrepeat {repeat}: {whole} epochs, pruned {short}, {saved[-1]:.0%} saved", flush=True)
        told += _winners_differ(studies, records)
    print(f"\nepochs saved: median {median(saved):.0%}, {min(saved):.0%} to {max(saved):.0%}; ", end="")
    print(f"winners told apart in {told} of {repeats} repeats; {machine()}")


def _swept(folder: Path, kind: str, repeat: int) -> Path:
    """The study of a sweep that has come to its end; run, or gone on with, unless it has."""
    folder.mkdir(parents=True, exist_ok=True)
    ended = list(folder.glob("runs/*/*/trials.json"))
    if not ended:
        space = {key: value for key, value in PRUNED.items() if kind == "pruned" or key != "early_terminate"}
        options = f"--seed_everything={100 * repeat}"
        _run(folder, *_sweep(folder, space, PRUNED["run_cap"], options)[2:])
        ended = list(folder.glob("runs/*/*/trials.json"))
    return ended[0].parent


def _winners_differ(studies: list[Path], records: list[dict[str, Any]]) -> bool:
    """Print how the winners compare on fresh seeds; return whether the comparison tells them apart."""
    winners = [record["best"].replace("trial", "winner") for record in records]
    found = compare_runs([f for study, name in zip(studies, winners, strict=True) for f in study.glob(f"{name}-*")])
    print_comparison(found)
    return bool(found.distinguishable)


def folds(count: int = 5) -> None:
    """Measure what a cross-validation takes beyond its runs, which are run by themselves before and after it.

    Args:
        count: of the folds.

    Raises:
        ValueError: a run failed.
    """
    with tempfile.TemporaryDirectory(prefix="lightsmith-folds-") as scratch:
        folder = Path(scratch)
        alone = [["run", *_configs(), "--loggers=[csv]", f"--data.fold={n}/{count}"] for n in range(1, count + 1)]
        _run(folder, *alone[0])
        single = sum(_run(folder, *run) for run in alone[: count // 2])
        whole = _run(folder, "cross-validate", f"--name={NAME}", f"--folds={count}", "--options=--loggers=[csv]")
        single += sum(_run(folder, *run) for run in alone[count // 2 :])
    print(f"{count} runs {single:.1f} s, cross-validation {whole:.1f} s: {whole / single - 1:+.1%}; {machine()}")


def _sweep(folder: Path, space: dict[str, Any], trials: int, options: str) -> list[str]:
    (folder / "space.yaml").write_text(yaml.safe_dump(space), encoding="utf-8")
    given = [f"--name={NAME}", "--sweep=space.yaml", f"--trials={trials}", f"--options={options}"]
    return [sys.executable, str(CLI), "sweep", *given]


def _run(folder: Path, *arguments: str) -> float:
    """Run a command of cli.py; return the seconds from Enter to the prompt."""
    began = time.monotonic()
    command = [sys.executable, str(CLI), *arguments]
    ran = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ValueError(f"{' '.join(arguments[:3])} ended with {ran.returncode}: {ran.stderr.strip()[-200:]}")
    return time.monotonic() - began


def _environment() -> dict[str, str]:
    return {**os.environ, "WANDB_MODE": "offline"}


if __name__ == "__main__":
    answer([warm, pruned, folds])
