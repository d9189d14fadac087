"""The results of a benchmark: a table, a JSON file and a plot."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, TypedDict

import torch
from rich.console import Console

from benchmarks.race import Record
from lightsmith.records.gather import git
from lightsmith.terminal import empty_table

PANELS_A_ROW = 3
COMMIT = ("describe", "--always", "--exclude=*")
RESULTS = Path(__file__).parent / "results"
FIGURES = ("samples_per_second", "seconds_to_target", "first_step_seconds", "test_accuracy", "seconds")


class Machine(TypedDict):
    """The machine of a figure: its processor, torch's threads, the GPU if there is one, and torch's version."""

    cpu: str
    cores: int
    gpu: str | None
    torch: str


def machine() -> Machine:
    """Describe this machine."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": _cpu(), "cores": torch.get_num_threads(), "gpu": gpu, "torch": torch.__version__}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file() and (found := re.search(r"model name\s*: (.+)", info.read_text("utf-8"))):
        return found[1]
    return platform.processor() or platform.machine()


def clean_commit() -> str:
    """The commit that a figure is measured on.

    Raises:
        ValueError: there are uncommitted changes, so nobody could measure it again.
    """
    commit = git(*COMMIT)
    if commit is None:
        raise ValueError("this is no git checkout: a figure that is kept names the commit that it was measured on")
    if changes := git("status", "--porcelain"):
        raise ValueError(f"uncommitted changes ({changes.splitlines()[0].strip()}, …): commit before measuring")
    return commit


def file_stem(about: Machine) -> str:
    """The name of the machine's files, such as amd-epyc-2-cores."""
    parts = [about["gpu"] or about["cpu"], f"{about['cores']} cores"]
    return re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")


def summarize(records: dict[str, list[Record]], target: float | None) -> dict[str, Any]:
    """Median, minimum and maximum of each figure by contender, and the curve of the run with the median speed."""
    return {name: _summary(runs, target) for name, runs in records.items()}


def _summary(runs: list[Record], target: float | None) -> dict[str, Any]:
    for run in runs:
        reached = (point["seconds"] for point in run["curve"] if target is not None and point["accuracy"] >= target)
        run["seconds_to_target"] = next(reached, None)
    figures = {}
    for figure in FIGURES:
        values = [run[figure] for run in runs if run[figure] is not None]
        if values:
            figures[figure] = {"median": median(values), "min": min(values), "max": max(values)}
    middle = sorted(runs, key=lambda run: run["samples_per_second"])[len(runs) // 2]
    return {"runs": len(runs), **figures, "curve": middle["curve"]}


def save(experiment: str, race: Mapping[str, object], about: Machine) -> Path:
    """Add one experiment's figures to the machine's file; those of other experiments stay."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{file_stem(about)}.json"
    races = {}
    if path.is_file():
        races = json.loads(path.read_text(encoding="utf-8"))["races"]
    races[experiment] = race
    path.write_text(json.dumps({"machine": about, "races": races}, indent=1) + "\n", encoding="utf-8")
    return path


def print_table(experiment: str, contenders: dict[str, Any], target: float | None) -> None:
    """Speeds with their ranges, and how many times faster the first contender is than each."""
    time, heading = time_figure(target)
    headings = ("contender", "samples/s", "range", "against the first", heading, "first step, s", "test accuracy")
    table = empty_table(*headings, left=["contender"])
    table.title, table.title_justify = experiment, "left"
    leader = next(iter(contenders.values()))["samples_per_second"]["median"]
    for name, figures in contenders.items():
        speed = figures["samples_per_second"]
        table.add_row(
            name,
            f"{speed['median']:,.0f}",
            f"{speed['min']:,.0f}–{speed['max']:,.0f}",
            f"{speed['median'] / leader:.2f}×",
            median_text(figures, time, ".1f"),
            median_text(figures, "first_step_seconds", ".2f"),
            median_text(figures, "test_accuracy", ".1%"),
        )
    Console(width=140).print(table)


def time_figure(target: float | None) -> tuple[str, str]:
    """The figure by which a race compares times, with its heading: to the target accuracy, or of the whole run."""
    if target:
        return "seconds_to_target", f"seconds to {target:.0%} of validation"
    return "seconds", "seconds"


def median_text(figures: Mapping[str, Any], name: str, style: str, otherwise: str = "–") -> str:
    """The median of a figure in a format's style; ``otherwise`` for a contender without that figure."""
    return format(figures[name]["median"], style) if name in figures else otherwise


def plot(results: Path) -> Path:
    """Validation accuracy over seconds for every contender that validated, one panel an experiment."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    races = json.loads(results.read_text(encoding="utf-8"))["races"]
    columns, rows = min(len(races), PANELS_A_ROW), -(-len(races) // PANELS_A_ROW)
    figure, grid = plt.subplots(rows, columns, figsize=(5 * columns, 4 * rows), squeeze=False, layout="constrained")
    panels = grid.flatten()
    for panel in panels[len(races) :]:
        panel.remove()
    for panel, (experiment, race) in zip(panels, races.items(), strict=False):
        for name, contender in race["contenders"].items():
            if contender["curve"]:
                points = [(point["seconds"], point["accuracy"]) for point in contender["curve"]]
                panel.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
        panel.set(title=experiment, xlabel="seconds of training", xscale="log")
        panel.margins(x=0.2)  # enough for a tick where all points lie close together
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.grid(alpha=0.3)
        panel.legend(fontsize="small")
    panels[0].set_ylabel("validation accuracy")
    path = results.with_suffix(".png")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
