"""What a run prints for a person: what it is about to use, and what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

SHOWN_SKIPS = 3


def print_data(data: Any, console: Console) -> None:
    """The first lines of a run: which data, how large, what was cut or left out."""
    found, sizes = data.source_found, data.sizes
    console.print(Text(f"data       {found.origin}"))
    counts = " · ".join(f"{split} {count:,}" for split, count in sizes.items())
    console.print(Text(f"           {counts} · {data.num_classes} classes: {_shortened(data.class_names)}"))
    for note in found.notes:
        console.print(Text(f"           {note}"))
    if data.skipped:
        console.print(Text(f"           skipped {len(data.skipped)} items (all listed in results.json):"))
        for item, reason in data.skipped[:SHOWN_SKIPS]:
            console.print(Text(f"             {item}: {reason}"))


def _shortened(names: list[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def print_results(
    results: dict[str, Any], run_folder: Path, data: Any, tracked_offline: bool, console: Console
) -> None:
    """The table at the end of a run, and what to try next."""
    table = Table(box=SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    test, fit, model = results["test"], results["fit"], results["model"]
    environment = results["environment"]
    table.add_row("data", data.source_found.origin)
    table.add_row("test", "  ".join(f"{name} {value:.4f}" for name, value in test.items()))
    table.add_row(
        "fit",
        f"{fit['seconds']:.1f} s for {fit['epochs']} epochs, {fit['samples_per_second']:,.0f} samples/s, "
        f"peak memory {fit['peak_memory_bytes'] / 1e9:.1f} GB, {environment['device']} {environment['precision']}",
    )
    table.add_row("model", f"{model['class']}, {model['parameters']:,} parameters")
    table.add_row("run", f"{run_folder}/  (results.json, metrics.csv, config.yaml, checkpoints/)")
    if tracked_offline:
        table.add_row("W&B", f"offline; upload with: .venv/bin/wandb sync {run_folder}/wandb/latest-run")
    table.add_row("next", _next_command(results, run_folder))
    console.print(table, width=max(console.width, 120))


def _next_command(results: dict[str, Any], run_folder: Path) -> str:
    if results["data"]["source"] == "sample":
        return f"make exp NAME={results['experiment']} DATA=hub    (the real data; DATA=path/to/yours for your own)"
    return f"make predict RUN={run_folder} INPUT=<file or folder>"
