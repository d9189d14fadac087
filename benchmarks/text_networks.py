"""The networks of imdb_lstm side by side: accuracy over seeds, speed, int8. Prints a table for docs/tasks.md."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.command_line import absolute_source, answer, run_verb
from benchmarks.report import clean_commit, machine
from lightsmith.records.results import Results
from lightsmith.studies.child_runs import run_experiment

NETWORKS = ("lstm", "gru", "rnn", "attention")
COLUMNS = ("`model.network`", "test accuracy", "fit, reviews/s", "int8: accuracy", "fp32 → int8, MB", "…, ms a review")
HEADER = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def main(data: str = "sample", seeds: int = 3) -> None:
    """Train each network with seeds 1 up to ``seeds``, export the first in fp32 and int8, and print a row for each.

    Args:
        data: sample, hub, or the path of a data set.
        seeds: runs of each network.

    Raises:
        ValueError: uncommitted changes, or an export that failed.
        RunFailedError: a run failed.
    """
    commit = clean_commit()
    source = absolute_source(data)
    print(HEADER)
    with tempfile.TemporaryDirectory(prefix="lightsmith-networks-") as scratch:
        for network in NETWORKS:
            print(_row(network, source, seeds, Path(scratch) / network), flush=True)
    print(f"\n{Path(data).name}, {seeds} seeds; {machine()['cpu']}, {machine()['cores']} cores, commit {commit}")


def _row(network: str, source: str, seeds: int, scratch: Path) -> str:
    records = [_trained(network, source, seed, scratch) for seed in range(1, seeds + 1)]
    accuracies = [record.test.metrics["accuracy"] for record in records]
    speed = fmean(record.fit.samples_per_second for record in records)
    assert records[0].folder is not None, "it was read from there"
    exact, rounded = (_exported(records[0].folder, precision) for precision in ("fp32", "int8"))
    sizes = " → ".join(f"{proof['bytes'] / 1e6:.1f}" for proof in (exact, rounded))
    latencies = " → ".join(f"{proof['latency_ms']['1']['p50']:.2f}" for proof in (exact, rounded))
    spread = f"{fmean(accuracies):.1%} ({min(accuracies):.1%}–{max(accuracies):.1%})"
    return f"| `{network}` | {spread} | {speed:,.0f} | {rounded['accuracy']:.1%} | {sizes} | {latencies} |"


def _trained(network: str, source: str, seed: int, scratch: Path) -> Results:
    """Train and test a network once, and return the record."""
    options = [f"--data.source={source}", f"--seed_everything={seed}", f"--model.network={network}", "--loggers=[csv]"]
    return run_experiment("imdb_lstm", options=options, runs=scratch / str(seed), shows=False).record


def _exported(run: Path, precision: str) -> dict[str, Any]:
    """Export a run and return the proof, on the test split."""
    output = run / precision
    run_verb("export", f"--run={run}", f"--precision={precision}", f"--output={output}", "--max_drop=5")
    proof: dict[str, Any] = json.loads((output / "proof.json").read_text("utf-8"))
    return proof


if __name__ == "__main__":
    answer(main, "python -m benchmarks.text_networks")
