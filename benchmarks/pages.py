"""The figures that README.md, docs/benchmarks.md and the experiments' headers show, written from the measured JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean, median
from typing import Any

from scipy.stats import binomtest

from benchmarks.race import ROOT
from benchmarks.report import Machine, median_text, time_figure
from benchmarks.serving_table import serving_tables
from lightsmith.settings.experiments import experiment_files, header

RESULTS = Path(__file__).parent / "results"
EXPERIMENTS_FILE = RESULTS / "experiments.json"
README, BENCHMARKS = ROOT / "README.md", ROOT / "docs" / "benchmarks.md"
FEW_ITEMS = 1000  # below this, an accuracy is shown with its interval
UNMEASURED = "not yet measured"
Measurement = dict[str, Any]


def read_measurements() -> list[Measurement]:
    """The measurements that `make measure` has kept; empty if there are none yet."""
    if not EXPERIMENTS_FILE.is_file():
        return []
    found: list[Measurement] = json.loads(EXPERIMENTS_FILE.read_text("utf-8"))
    return found


def write_pages() -> None:
    """Bring every page up to what was measured."""
    for path, text in render_pages().items():
        path.write_text(text, encoding="utf-8")


def render_pages() -> dict[Path, str]:
    """Each page's text with the measured figures in it."""
    measured = read_measurements()
    pages = {path: _with_header(path, measured) for path in experiment_files().values()}
    pages[README] = _between(README.read_text("utf-8"), "experiments", _experiments_table(measured))
    text = _between(BENCHMARKS.read_text("utf-8"), "alone", _alone_table(measured))
    text = _between(text, "races", _race_tables())
    return {**pages, BENCHMARKS: _between(text, "serving", serving_tables(), "python -m benchmarks.serving")}


def figure_text(measurement: Measurement) -> str:
    """The mean of the test's headline, with its number of items and seeds and, of few items, a 95% interval.

    An accuracy's interval is Wilson's (1927) for one run's items: the seeds share them, so they do not narrow it. Of
    another figure it is the first run's, if that has one.
    """
    runs = measurement["runs"]
    metric = runs[0]["headline"]
    figures = [run["test"][metric] for run in runs]
    mean, items = fmean(figures), runs[0]["test"]["n"]
    about = f"n = {items:,}"
    interval = runs[0]["test"].get("interval", {}).get(metric)
    if metric == "accuracy" and items < FEW_ITEMS:
        interval = binomtest(round(mean * items), items).proportion_ci(method="wilson")
    if interval:
        about += f", 95% interval {_shown(interval[0], metric)}–{_shown(interval[1], metric)}"
    if len(runs) > 1:
        about += f"; {len(runs)} seeds, {_shown(min(figures), metric)}–{_shown(max(figures), metric)}"
    return f"{metric} {_shown(mean, metric)} ({about})"


def _shown(figure: float, metric: str) -> str:
    return f"{figure:.1%}" if metric == "accuracy" else f"{figure:.4g}"


def _where(measurement: Measurement) -> str:
    machine = measurement["machine"]
    device = machine["gpu"] or f"{machine['cores']} cores, {machine['cpu']}"
    return f"{device}, commit {measurement['commit']}"


def _seconds(measurement: Measurement, figure: str) -> str:
    return f"{median(run[figure] for run in measurement['runs']):,.0f} s"


def _of(measured: list[Measurement], name: str, on_sample: bool) -> list[Measurement]:
    return [one for one in measured if one["experiment"] == name and (one["data"] == "sample") == on_sample]


def _with_header(path: Path, measured: list[Measurement]) -> str:
    """An experiment's YAML whose header says what was measured of it, without variants."""
    text = path.read_text("utf-8")
    for field, on_sample in (("sample", True), ("real", False)):
        found = [one for one in _of(measured, path.stem, on_sample) if not one["variant"]]
        line = f"# {field}: {'; '.join(map(_header_text, found)) or UNMEASURED}"
        text = re.sub(rf"^# {field}: .*$", line, text, count=1, flags=re.MULTILINE)
    return text


def _header_text(one: Measurement) -> str:
    if one["data"] == "sample":
        return f"test {figure_text(one)}, make exp in {_seconds(one, 'seconds')}; {_where(one)}"
    return f"{one['data']}, test {figure_text(one)}, fit in {_seconds(one, 'fit_seconds')}; {_where(one)}"


def _experiments_table(measured: list[Measurement]) -> str:
    rows = ["| experiment | what | on the sample: test, `make exp` | on real data: test, fit |"]
    rows.append("|---|---|---|---|")
    for name, path in experiment_files().items():
        cells = [_cell(_of(measured, name, True), "seconds"), _cell(_of(measured, name, False), "fit_seconds")]
        rows.append(f"| `{name}` | {header(path)['what']} | {cells[0]} | {cells[1]} |")
    return "\n".join(rows)


def _cell(found: list[Measurement], figure: str) -> str:
    shown = []
    for one in found:
        about = ", ".join(part for part in (one["data"], one["variant"]) if part not in ("sample", ""))
        shown.append(": ".join(filter(None, [about, f"{figure_text(one)} in {_seconds(one, figure)}"])))
    return "; ".join(shown) or UNMEASURED


def _alone_table(measured: list[Measurement]) -> str:
    rows = ["| command | test | Enter to prompt | fit | peak memory | machine, commit, date |"]
    rows.append("|---|---|---|---|---|---|")
    for one in measured:
        memory = median(run["peak_memory_bytes"] for run in one["runs"]) / 1e9
        took = f"{_seconds(one, 'seconds')} | {_seconds(one, 'fit_seconds')} | {memory:.1f} GB"
        precision = one["runs"][0]["precision"]
        where = f"{_where(one)}, {one['date']}; {precision}, torch {one['machine']['torch']}"
        rows.append(f"| `{one['command']}` | {figure_text(one)} | {took} | {where} |")
    return "\n".join(rows)


def _race_tables() -> str:
    """Every race that was run to its end from a clean tree, all of its contenders in it."""
    parts = []
    for file in sorted(RESULTS.glob("*-cores.json")):
        found = json.loads(file.read_text("utf-8"))
        parts += [_race_table(name, race, found["machine"]) for name, race in found["races"].items()]
    return "\n\n".join(parts)


def _race_table(name: str, race: dict[str, Any], machine: Machine) -> str:
    rows = [f"**{name}** on {race['data']}: {_where({'machine': machine, 'commit': race['commit']})}", ""]
    time, heading = time_figure(race["target"])
    rows += [f"| contender | runs | samples/s | range | {heading} | test accuracy |", "|---|---|---|---|---|---|"]
    for contender, figures in race["contenders"].items():
        speed, never = figures["samples_per_second"], f"not in {figures['seconds']['median']:.0f} s"
        speeds = f"{speed['median']:,.0f} | {speed['min']:,.0f}–{speed['max']:,.0f}"
        ends = f"{median_text(figures, time, '.1f', never)} | {median_text(figures, 'test_accuracy', '.1%')}"
        rows.append(f"| {contender} | {figures['runs']} | {speeds} | {ends} |")
    return "\n".join(rows)


def _between(text: str, name: str, content: str, writer: str = "make measure and make bench") -> str:
    """A page's text with what stands between the two marks of a name replaced; the first tells who writes it."""
    marks = [f"<!-- {name}: written by {writer} -->", f"<!-- end of {name} -->"]
    before, _, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    assert end, f"the page has no marks for {name}"
    return f"{before}{marks[0]}\n{content}\n{marks[1]}{after}"
