"""Proof on one's own machine that a killed and resumed run ends as one that was left alone."""

from __future__ import annotations

import csv
import json
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml

from commands.checkpoints import read_checkpoint
from commands.list_experiments import EXPERIMENTS, experiment_files
from commands.mistakes import nearest
from commands.newest_checkpoint import newest_checkpoint
from commands.run_folder import BEST_CHECKPOINT, LAST_CHECKPOINT

CLI = Path(__file__).parents[1] / "cli.py"
SAVES = 10  # in mid-epoch, over the whole run
OF_THIS_RUN = ("seconds", "fit/seconds", "first_step_seconds", "samples_per_second", "peak_memory_bytes", "sha256")


def verify_resume(name: str, data: str = "sample", kills: int = 1, options: str = "") -> int:
    """Train to the end once undisturbed and once killed (SIGKILL) at random moments and resumed, and compare all.

    Args:
        name: the experiment.
        data: as data.source.
        kills: how often the second run is killed.
        options: further options of run, such as "--trainer.max_epochs=2".

    Returns:
        0 if checkpoints, metrics and results are identical but for times, otherwise 1.

    Raises:
        ValueError: no such experiment, or a run failed by itself.
    """
    if name not in experiment_files():
        raise ValueError(f"no experiment {name!r}{nearest(name, list(experiment_files()))}")
    if kills < 1:
        raise ValueError(f"--kills={kills} must be at least 1")
    with tempfile.TemporaryDirectory(prefix="lightsmith-verify-") as scratch:
        configs = [f"-c={EXPERIMENTS / file}.yaml" for file in ("_defaults", name)]
        command = ["run", *configs, f"--data.source={data}", *shlex.split(options)]
        _finish(_start([*command, f"--runs={scratch}/whole"]))
        whole = next(Path(scratch, "whole").glob("*/latest")).resolve()
        seconds = _results(whole)["fit"]["seconds"]
        print(f"undisturbed  {seconds:.1f} s", flush=True)
        resumed = _killed_and_resumed(whole, Path(scratch, "killed"), kills, seconds)
        return verdict(list(run_differences(whole, resumed)))


def verdict(found: list[str]) -> int:
    """Print what differs; 1 if anything does, otherwise 0."""
    print("\n".join([f"differs      {where}" for where in found] or ["identical    checkpoints, metrics and results"]))
    return 1 if found else 0


def _killed_and_resumed(whole: Path, runs: Path, kills: int, seconds: float) -> Path:
    """The folder of a run with the same settings that came to its end after that many kills."""
    settings = yaml.safe_load((whole / "config.yaml").read_text("utf-8"))
    settings["runs"] = str(runs)
    for callback in settings["trainer"]["callbacks"]:
        if callback["class_path"].endswith(".SaveLast"):
            callback["init_args"]["every_minutes"] = seconds / 60 / SAVES
    config = whole.parent.parent / f"{whole.parent.name}.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = ["run", f"-c={config}"]
    for _ in range(kills):
        process = _start(command)
        _kill(process, runs, pause=random.uniform(0, seconds / (kills + 1)))
        run = next(runs.glob("*/latest")).resolve()
        print(f"killed       after step {read_checkpoint(newest_checkpoint(run))['global_step']} was saved", flush=True)
        command = ["run", f"-c={run}/config.yaml", f"--resume={run}"]
    _finish(_start(command))
    return run


def _start(arguments: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, str(CLI), *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate()
    if process.returncode:
        raise ValueError(f"the run failed with exit code {process.returncode}: {errors.strip()}")


def _kill(process: subprocess.Popen[str], runs: Path, pause: float) -> None:
    """Kill a run so many seconds after its first save."""
    saved = {path: path.stat().st_mtime for path in runs.glob(f"*/*/{LAST_CHECKPOINT}")}
    while all(saved.get(path) == path.stat().st_mtime for path in runs.glob(f"*/*/{LAST_CHECKPOINT}")):
        if process.poll() is not None:
            _finish(process)
            return
        time.sleep(0.01)
    time.sleep(pause)
    process.kill()
    process.communicate()


def run_differences(one: Path, other: Path) -> Iterator[str]:
    """Where two run folders differ in more than times and their own paths."""
    for path in (LAST_CHECKPOINT, BEST_CHECKPOINT):
        saved = (read_checkpoint(one / path), read_checkpoint(other / path))
        yield from differences(*saved, path.name, (str(one), str(other)))
    yield from differences(_rows(one), _rows(other), "metrics.csv")
    yield from differences(_results(one), _results(other), "results.json")


def differences(one: Any, other: Any, where: str, paths: tuple[str, str] = ("", "")) -> Iterator[str]:
    """The places at which two nested values differ, to the last bit; times may, and what the paths are called."""
    if type(one) is not type(other):
        yield f"{where}: {type(one).__name__} and {type(other).__name__}"
    elif isinstance(one, dict):
        mine, theirs = (
            {str(k).replace(path, ""): v[k] for k in v} for v, path in zip((one, other), paths, strict=True)
        )
        for key in dict.fromkeys([*mine, *theirs]):
            if key not in OF_THIS_RUN:
                yield from differences(mine.get(key), theirs.get(key), f"{where}.{key}", paths)
    elif isinstance(one, list | tuple) and len(one) == len(other):
        for i, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, theirs, f"{where}[{i}]", paths)
    elif isinstance(one, torch.Tensor):
        if one.dtype != other.dtype or not torch.equal(one, other):
            yield where
    elif isinstance(one, str):
        if one.replace(paths[0], "") != other.replace(paths[1], ""):
            yield f"{where}: {one!r} and {other!r}"
    elif one != other:
        yield f"{where}: {one!r} and {other!r}"


def _rows(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _results(run: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((run / "results.json").read_text("utf-8"))
    return results
