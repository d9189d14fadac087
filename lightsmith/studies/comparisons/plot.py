"""A plot of a comparison: the intervals of differences, or of a group's mean."""

from __future__ import annotations

from pathlib import Path

from lightsmith.studies.comparisons.answer import Comparison
from lightsmith.studies.comparisons.lines import label
from lightsmith.studies.comparisons.metrics import SHARES, difference_heading


def plot(found: Comparison, path: Path) -> None:
    """Draw each pair's difference with its interval, and 0; of a single group its mean (SVG or PNG)."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "", "svg.fonttype": "none"}  # the same file each time, with text that can be found
    from matplotlib import pyplot as plt

    scale = 100 if found.metric in SHARES else 1
    rows = [(f"{pair.groups[1]} − {pair.groups[0]}", pair.difference, pair.interval) for pair in found.pairs]
    rows = rows or [(group.name, group.mean, group.interval or (group.mean,) * 2) for group in found.groups]
    figure, axes = plt.subplots(figsize=(8, 1.6 + 0.4 * len(rows)), layout="constrained")
    for place, (_, value, (low, high)) in enumerate(rows):
        axes.plot([scale * low, scale * high], [place, place], color="tab:blue", linewidth=2)
        axes.plot(scale * value, place, "o", color="tab:blue")
    if found.pairs:
        axes.axvline(0, color="grey", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    title = "\n".join(f"{group.name}: {label(group)}, n={group.n}" for group in found.groups)
    axes.set(xlabel=f"{_drawn(found)} (95% interval)", title=title)
    axes.title.set_fontsize("medium")
    axes.grid(axis="x", alpha=0.3)
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=120, metadata=metadata)
    plt.close(figure)


def _drawn(found: Comparison) -> str:
    """The words beside the axis of figures."""
    if found.pairs:
        return difference_heading(found.metric)
    if found.metric in SHARES:
        return f"{found.metric}, %"
    return found.metric
