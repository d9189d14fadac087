"""Lines that a run prints: what it is about to use, and what came out."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from lightsmith.records.class_notes import class_rows
from lightsmith.records.left_out import grouped
from lightsmith.run_folder import LAST_CHECKPOINT
from lightsmith.settings.experiments import experiment_files
from lightsmith.terminal import counted, shown

if TYPE_CHECKING:
    from datamodules.sources.source import Source
    from datamodules.split_data import SplitData


def how_to_continue(run_folder: Path | None) -> str:
    """The end of the line that says why a run ended early; empty for a run that records nothing."""
    if run_folder is None:
        return ""
    if not (run_folder / LAST_CHECKPOINT).is_file():
        return "; there was no checkpoint yet, so nothing to continue from"
    return f"; continue with: make exp RESUME={shown(run_folder)}"


def data_lines(data: SplitData, recorded: bool) -> list[str]:
    """The first lines of a run: which data, how large, what becomes of an item, what was cut or left out.

    Args:
        data: the data module.
        recorded: whether results.json will list what was left out.
    """
    found, sizes = data.source_found, data.sizes
    counts = " · ".join(f"{split} {count:,}" for split, count in sizes.items())
    below = [f"{counts} · {data.labels.line(found)}"]
    if data.items_line:
        below.append(data.items_line)
    below += found.notes
    if data.train_size is not None and (unused := _number_of_items(data.uncut) - _number_of_items(found)):
        below.append(f"{unused:,} more training items are not used (data.train_size={data.train_size})")
    listed = " (all listed in results.json)" if recorded else ""
    if data.skipped:
        total = sum(sizes.values()) + len(data.skipped)
        below.append(f"{len(data.skipped):,} of {total:,} items left out{listed}: {grouped(data.skipped)}")
    if found.ignored:
        below.append(f"no part of the data{listed}: {grouped(found.ignored)}")
    return [_row("data", found.origin), *(_row("", line) for line in below)]


def _number_of_items(source: Source) -> int:
    return sum(map(len, source.splits.values()))


def results_lines(results: dict[str, Any], run_folder: Path, data: SplitData, sync: str | None) -> list[str]:
    """The table at the end of a run, and what to try next; ``sync`` is the command that uploads an offline run."""
    fit, model, environment, folder = results["fit"], results["model"], results["environment"], shown(run_folder)
    rows = {"data": data.source_found.origin}
    if data.skipped:
        rows["left out"] = f"{len(data.skipped):,} items, listed in results.json"
    rows |= {
        "test": "  ".join(figures_of(results["test"])),
        **class_rows(results),
        "fit": f"{fit['seconds']:.1f} s for {counted(fit['epochs'], 'epoch')}, "
        f"{fit['samples_per_second']:,.0f} samples/s, peak memory {fit['peak_memory_bytes'] / 1e9:.1f} GB, "
        f"{environment['device']} {environment['precision']}",
        "model": f"{model['class']}, {model['parameters']:,} parameters",
        "run": f"{folder}/  (results.json, metrics.csv, config.yaml, checkpoints/)",
    }
    if sync:
        rows["W&B"] = f"offline; upload with: {sync}"
    page = f"make report RUN={quote(str(folder))}    (a page about this run)"
    return [
        "",
        *(_row(*row) for row in rows.items()),
        _row("next", _next_command(results, folder, data)),
        _row("", page),
    ]


def figures_of(test: dict[str, Any]) -> list[str]:
    """The figures of ``test`` in results.json, such as "n 500" and "accuracy 0.9580 (95%: 0.9366 to 0.9724)"."""
    figures = {name: f"{value:.4f}" for name, value in test.items() if isinstance(value, float)}
    for name, (low, high) in test.get("interval", {}).items():
        figures[name] += f" (95%: {low:.4f} to {high:.4f})"
    if "n" in test:  # runs of earlier versions lack it
        figures = {"n": f"{test['n']:,}", **figures}
    return [f"{name} {figure}" for name, figure in figures.items()]


def _row(title: str, text: str) -> str:
    return f"{title:<10} {text}"


def _next_command(results: dict[str, Any], folder: Path, data: SplitData) -> str:
    run = quote(str(folder))
    if results["data"]["source"] != "sample":
        return f"make predict RUN={run} INPUT=<file or folder>"
    if results["experiment"] in experiment_files():
        command, option = f"make exp NAME={results['experiment']}", "DATA"
    else:
        command, option = f".venv/bin/python cli.py run -c {run}/config.yaml", "--data.source"
    if not hasattr(data, "hub_name"):
        return f"{command} {option}=path/to/yours    (your own data)"
    return f"{command} {option}=hub    (the real data; {option}=path/to/yours for your own)"
