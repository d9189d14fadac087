"""`python -m benchmarks.overhead`: what the framework costs beyond a bare loop, and how long a person waits for it."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.command_line import answer
from benchmarks.contenders import Contender, baseline, lightsmith
from benchmarks.race import ROOT, Record, run_contender
from benchmarks.report import clean_commit, machine
from lightsmith.studies.statistics.estimates import Sample, mean_of

SMALL, LARGE = 16, 512  # digits a batch
CONFIGS = ("_defaults.yaml", "mnist_mlp.yaml")
FIRST_LINE, EPOCH_LINE = "run        writing", "epoch "  # printed when the first batch is fetched; after each epoch


def overhead(repeats: int = 5, against: Path | None = None, cost: bool = True, waits: bool = True) -> None:
    """Measure mnist_mlp on its sample: the cost of a step and of an epoch, and the waits before and after training.

    A repeat takes everything once, in random order; what is shown are medians, and 95% intervals of the mean of what
    differs within a repeat.

    Args:
        repeats: at least 2.
        against: another checkout, with a .venv, whose waits are measured beside.
        cost: whether to measure the cost of steps and epochs, against the bare loop of `make bench`.
        waits: whether to measure from Enter to the first step, and from the last epoch to the prompt.

    Raises:
        ValueError: uncommitted changes, or a run failed.
    """
    if repeats < 2:
        raise ValueError(f"--repeats={repeats} must be at least 2: one says nothing of how much they differ")
    about = machine()
    print(f"{about['cpu']}, {about['cores']} cores, torch {about['torch']}, commit {clean_commit()}", flush=True)
    if cost:
        show_costs(_repeated(cost_measures(), repeats))
    if waits:
        checkouts = {"here": ROOT, **({str(against): against.resolve()} if against else {})}
        show_waits(_repeated({name: partial(_waits, place) for name, place in checkouts.items()}, repeats))


def _repeated(measures: dict[str, Callable[[], Sequence[float]]], repeats: int) -> dict[str, np.ndarray]:
    """Take every measure once a repeat, in an order drawn anew; by name float64 (repeats, figures)."""
    found: dict[str, list[Sequence[float]]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name in random.sample(list(measures), len(measures)):
            found[name].append(measures[name]())
            print(f"  {name:<24}{'  '.join(f'{figure:8.3f} s' for figure in found[name][-1])}", flush=True)
    return {name: np.array(figures) for name, figures in found.items()}


def cost_measures() -> dict[str, Callable[[], Sequence[float]]]:
    """The seconds of an epoch by contender and batch size, without those of the first step."""
    contenders: dict[str, Contender] = {}
    for size in (SMALL, LARGE):
        bare = baseline("bare loop", "hand_loop", "--experiment=mnist_mlp", f"--batch_size={size}")
        ours = lightsmith("Lightsmith", "mnist_mlp", f"--data.batch_size={size}")
        contenders |= {f"{contender.name}, {size}": contender for contender in (bare, ours)}
    return {name: partial(_epoch_seconds, contender) for name, contender in contenders.items()}


def _epoch_seconds(contender: Contender) -> tuple[float]:
    with tempfile.TemporaryDirectory(prefix="lightsmith-overhead-") as scratch:
        record: Record = run_contender(contender, {"data": "sample", "seed": 1, "scratch": Path(scratch)}, quick=False)
    return ((record["seconds"] - record["first_step_seconds"]) / len(record["curve"]),)


def costs(seconds: dict[str, np.ndarray], items: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute seconds beyond the bare loop of a step of few digits, and of an epoch of large batches, (repeats,).

    An epoch costs something once and something for each step, so that two batch sizes tell the two apart.

    Args:
        seconds: of an epoch, by contender and batch size, (repeats, 1).
        items: of an epoch.
    """
    small, large = (
        seconds[f"Lightsmith, {size}"][:, 0] - seconds[f"bare loop, {size}"][:, 0] for size in (SMALL, LARGE)
    )
    return (small - large) / (-(-items // SMALL) - -(-items // LARGE)), large


def show_costs(seconds: dict[str, np.ndarray]) -> None:
    """Print both costs."""
    step, epoch = costs(seconds, items=4000)
    print(f"a step of {SMALL} digits beyond the bare loop: {_shown(1e6 * step, ' µs')}")
    print(f"an epoch at batch {LARGE} beyond the bare loop: {_shown(1e3 * epoch, ' ms')}", flush=True)


def _waits(checkout: Path) -> tuple[float, float]:
    """Seconds from Enter to the fetch of the first batch, and from the last epoch's line to the prompt."""
    configs = [f"--config={checkout / 'experiments' / name}" for name in CONFIGS]
    command = [str(checkout / ".venv/bin/python"), str(checkout / "cli.py"), "run", *configs]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "WANDB_MODE": "offline"}
    with tempfile.TemporaryDirectory(prefix="lightsmith-overhead-") as scratch:
        begun = ended = started = time.perf_counter()
        with subprocess.Popen(command, cwd=scratch, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(FIRST_LINE):
                    begun = time.perf_counter()
                elif line.startswith(EPOCH_LINE):
                    ended = time.perf_counter()
        prompt = time.perf_counter()
    if process.returncode:
        raise ValueError(f"the run of {checkout} ended with code {process.returncode}")
    return begun - started, prompt - ended


def show_waits(seconds: dict[str, np.ndarray]) -> None:
    """Print both waits by checkout, and how those here compare with another's."""
    for figure, what in enumerate(("from Enter to the first batch", "from the last epoch to the prompt")):
        for name, found in seconds.items():
            print(f"{what}, {name}: {_shown(found[:, figure], ' s')}")
        for name in [name for name in seconds if name != "here"]:
            print(
                f"{what}, share of that in {name}: {_shown(seconds['here'][:, figure] / seconds[name][:, figure], '')}"
            )


def _shown(figures: np.ndarray, unit: str) -> str:
    low, high = mean_of(Sample(figures)).interval
    return f"{median(figures.tolist()):.3g}{unit} (95%: {low:.3g} to {high:.3g})"


if __name__ == "__main__":
    answer(overhead, "python -m benchmarks.overhead")
