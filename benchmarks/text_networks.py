"""The networks of imdb_lstm side by side: accuracy over seeds, speed, int8. Prints a table for docs/tasks.md."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

from jsonargparse import auto_cli

from benchmarks.race import ROOT
from benchmarks.report import clean_commit, machine
from lightsmith.terminal import one_line

NETWORKS = ("lstm", "gru", "rnn", "attention")
COLUMNS = ("`model.network`", "test accuracy", "fit, reviews/s", "int8: accuracy", "fp32 → int8, MB", "…, ms a review")
HEADER = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def main(data: str = "sample", seeds: int = 3) -> None:
    """Train each network with seeds 1 up to ``seeds``, export the first in fp32 and int8, and print a row for each.

    Args:
        data: sample, hub, or the path of a data set.
        seeds: runs of each network.

    Raises:
        ValueError: uncommitted changes, or a command that failed.
    """
    commit = clean_commit()
    source = data if data in ("sample", "hub") else str(Path(data).resolve())
    print(HEADER)
    with tempfile.TemporaryDirectory(prefix="lightsmith-networks-") as scratch:
        for network in NETWORKS:
            print(_row(network, source, seeds, Path(scratch) / network), flush=True)
    print(f"\n{Path(data).name}, {seeds} seeds; {machine()['cpu']}, {machine()['cores']} cores, commit {commit}")


def _row(network: str, source: str, seeds: int, scratch: Path) -> str:
    runs = [_trained(network, source, seed, scratch) for seed in range(1, seeds + 1)]
    records = [json.loads((run / "results.json").read_text("utf-8")) for run in runs]
    accuracies = [record["test"]["accuracy"] for record in records]
    speed = fmean(record["fit"]["samples_per_second"] for record in records)
    exact, rounded = (_exported(runs[0], precision) for precision in ("fp32", "int8"))
    sizes = " → ".join(f"{proof['bytes'] / 1e6:.1f}" for proof in (exact, rounded))
    latencies = " → ".join(f"{proof['latency_ms']['1']['p50']:.2f}" for proof in (exact, rounded))
    spread = f"{fmean(accuracies):.1%} ({min(accuracies):.1%}–{max(accuracies):.1%})"
    return f"| `{network}` | {spread} | {speed:,.0f} | {rounded['accuracy']:.1%} | {sizes} | {latencies} |"


def _trained(network: str, source: str, seed: int, scratch: Path) -> Path:
    """The folder of a run."""
    runs = scratch / str(seed)
    options = [f"--data.source={source}", f"--seed_everything={seed}", f"--model.network={network}", "--loggers=[csv]"]
    configs = ["-c", "experiments/_defaults.yaml", "-c", "experiments/imdb_lstm.yaml"]
    _cli("run", *configs, f"--runs={runs}", *options)
    return runs / "imdb_lstm" / "latest"


def _exported(run: Path, precision: str) -> dict[str, Any]:
    """The proof of an export of a run, on the test split."""
    output = run.resolve() / precision
    _cli("export", f"--run={run}", f"--precision={precision}", f"--output={output}", "--max_drop=5")
    proof: dict[str, Any] = json.loads((output / "proof.json").read_text("utf-8"))
    return proof


def _cli(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "cli.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"cli.py {' '.join(arguments)} failed: {one_line(ValueError(done.stderr))}")


if __name__ == "__main__":
    try:
        auto_cli(main, as_positional=False, prog="python -m benchmarks.text_networks")
    except ValueError as error:
        print(one_line(error), file=sys.stderr)
        sys.exit(2)
