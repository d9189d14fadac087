"""`make measure`: what `make exp` reaches over some seeds, kept in benchmarks/results/experiments.json."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.command_line import absolute_source, answer
from benchmarks.pages import EXPERIMENTS_FILE, Measurement, read_measurements, write_pages
from benchmarks.report import clean_commit, machine
from lightsmith.settings.experiments import experiment_file
from lightsmith.studies.child_runs import run_experiment


def measure(name: str, data: str = "sample", seeds: int = 1, variant: str = "", options: str = "") -> None:
    """Run `make exp` for each seed, one after the other, and write what came out into the pages that show it.

    Args:
        name: the experiment.
        data: sample, hub, or the path of a data set; its last part is what the pages call it.
        seeds: runs with seed 1 up to this one.
        variant: what the options make of the experiment, such as "from scratch"; empty for the experiment itself.
        options: further options of run.

    Raises:
        ValueError: no such experiment, uncommitted changes, or a run that failed.
    """
    experiment_file(name)  # refuses a name that is none
    if seeds < 1:
        raise ValueError(f"--seeds={seeds} must be at least 1")
    commit = clean_commit()
    source = {"sample": "", "hub": "DATA=hub"}.get(data, f"DATA=path/to/{Path(data).name}")
    words = ["make exp", f"NAME={name}", source, options and f'ARGS="{options}"']
    measurement = {
        "experiment": name,
        "data": Path(data).name,
        "variant": variant,
        "command": " ".join(filter(None, words)),
        "machine": machine(),
        "commit": commit,
        "date": datetime.now(UTC).date().isoformat(),
        "runs": [_run(name, data, seed, shlex.split(options)) for seed in range(1, seeds + 1)],
    }
    _save(measurement)
    write_pages()


def _run(name: str, data: str, seed: int, options: list[str]) -> dict[str, Any]:
    """Train and test with one seed; return the figures of results.json, and the seconds from Enter to the prompt."""
    given = [f"--data.source={absolute_source(data)}", f"--seed_everything={seed}", *options]
    os.environ["WANDB_MODE"] = "offline"  # a measurement is no run to look at
    with tempfile.TemporaryDirectory(prefix="lightsmith-measure-") as runs:
        run = run_experiment(name, options=given, runs=Path(runs), shows=False)
        if run.code:
            raise ValueError(f"seed {seed} failed: {run.reason}")
        record = run.record
    print(f"seed {seed}  {record.headline.metric} {record.headline.value:.4f}  {run.seconds:.1f} s", flush=True)
    return {
        "seed": seed,
        "headline": record.headline.metric,
        "test": record.test.flat,
        "seconds": round(run.seconds, 1),
        "fit_seconds": record.fit.seconds,
        "peak_memory_bytes": record.fit.peak_memory_bytes,
        "precision": record.environment.precision,
    }


def _save(measurement: Measurement) -> None:
    """Put a measurement in the place of an earlier one of the same experiment, data and variant."""
    key = ("experiment", "data", "variant")
    kept = [old for old in read_measurements() if any(old[part] != measurement[part] for part in key)]
    ordered = sorted([*kept, measurement], key=lambda one: [one[part] for part in key])
    EXPERIMENTS_FILE.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    answer(measure, "make measure")
