"""Hold what `make tune` suggests against the best of nine learning rates, and print a table.

.venv/bin/python -m benchmarks.tune_grid --names="mnist_mlp imdb_lstm" --seeds=3 --output=grid
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from benchmarks.command_line import absolute_source, answer, run_verb
from benchmarks.report import clean_commit, machine
from lightning_modules.training.task import Headline
from lightsmith.records.parts import BEST
from lightsmith.records.results import Results, read_results
from lightsmith.studies.child_runs import run_experiment

POWERS = range(-4, 5)  # of two, by which the grid's rates differ from the experiment's
NEAR = 0.3  # points, or per cent of a figure that is to be low
WAYS = ("suggested", "steepest", "valley")
COLUMNS = ("experiment, seed", "best of the grid", *(f"{way}: less by" for way in WAYS), "of a fit: steps", "seconds")
HEADER = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def main(names: str, output: Path, data: str = "sample", seeds: int = 3, options: str = "") -> None:
    """Train each experiment at nine rates and at those that a tune suggests, and print how far these are from the best.

    Runs are kept, so that the same command goes on where it was stopped.

    Args:
        names: of the experiments.
        output: folder for the runs.
        data: as data.source.
        seeds: of each experiment, from 1 on.
        options: further options of run.

    Raises:
        ValueError: uncommitted changes, or a tune that failed.
        RunFailedError: a run failed.
    """
    commit = clean_commit()
    output.mkdir(parents=True, exist_ok=True)
    given = [f"--data.source={absolute_source(data)}", "--loggers=[csv]", *shlex.split(options)]
    print(HEADER)
    less: dict[str, list[float]] = {way: [] for way in WAYS}
    for name in names.split():
        for seed in range(1, seeds + 1):
            own = [*given, f"--seed_everything={seed}"]
            row = _row(name, own, output.resolve() / name / str(seed), less)
            print(f"| `{name}`, {seed} | {row} |", flush=True)
    near = ", ".join(f"{way} {sum(gap <= NEAR for gap in gaps)} of {len(gaps)}" for way, gaps in less.items())
    print(f"\nwithin {NEAR}: {near}; {data}; {machine()['cpu']}, {machine()['cores']} cores, commit {commit}")


def _row(name: str, options: list[str], folder: Path, less: dict[str, list[float]]) -> str:
    """The cells of one experiment and seed; how much less each way gets is added to ``less``."""
    record = _tuned(name, options, folder)
    key, value = record["option"], record["value"]
    grid = [_trained(name, options, key, value * 2.0**power, folder) for power in POWERS]
    headline = Headline(grid[0].headline.metric, grid[0].headline.direction)
    figures = [run.headline.value for run in grid]
    best = BEST[headline.direction](figures)
    rate = value * 2.0 ** POWERS[figures.index(best)]
    cells = [f"{best:.4f} at {rate:.2g}"]
    for way in WAYS:
        found = float(f"{record[way]:.2g}")
        less[way].append(headline.worse_by(best, _trained(name, options, key, found, folder).headline.value))
        cells.append(f"{less[way][-1]:+.2f} at {found:.2g}")
    fit = grid[POWERS.index(0)].fit
    shares = len(record["rates"]) / fit.steps, record["rate_seconds"] / fit.seconds
    return " | ".join([*cells, *(f"{share:.1%}" for share in shares)])


def _tuned(name: str, options: list[str], folder: Path) -> dict[str, Any]:
    """Tune the experiment, unless that was done, and return the record."""
    kept = folder / "tune.json"
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        source, *others = options
        given = [f"--data={source.partition('=')[2]}", f"--options={shlex.join(others)}"]
        run_verb("tune", f"--name={name}", *given, folder=folder)
        (written,) = folder.glob(f"runs/{name}/*-tune/tune.json")
        kept.write_bytes(written.read_bytes())
    record: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return record


def _trained(name: str, options: list[str], key: str, rate: float, folder: Path) -> Results:
    """The record of a run at a rate, made if it is not there."""
    home = folder / f"{rate:.6g}"
    for kept in home.glob(f"{name}/*/results.json"):
        return read_results(kept.parent)
    return run_experiment(name, options=[*options, f"--{key}={rate:.6g}"], runs=home, shows=False).record


if __name__ == "__main__":
    answer(main, "python -m benchmarks.tune_grid")
