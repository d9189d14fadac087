"""A plot of a tune: the loss over the learning rate, and throughput over batch sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lightsmith.studies.tuning.tuning import Tuning

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(found: Tuning, path: Path) -> None:
    """Draw the losses with the suggested rates, and items a second with the batch size that pays (SVG)."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "", "svg.fonttype": "none"}  # the same file each time, with text that can be found
    from matplotlib import pyplot as plt

    figure, (rates, batches) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    _draw_rates(rates, found)
    _draw_batches(batches, found)
    figure.suptitle(f"{found.experiment}: {found.optimizer}, {found.device}, {found.precision}")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _draw_rates(axes: Axes, found: Tuning) -> None:
    curve = found.curve
    axes.plot(curve.rates, curve.losses, color="tab:blue", alpha=0.3, label="loss of a step")
    axes.plot(curve.rates, curve.smoothed, color="tab:blue", label="smoothed")
    by = found.suggestions
    marks = [("suggested", found.rate, "-"), ("steepest", by.steepest, "--"), ("valley", by.valley, "-.")]
    for name, rate, style in [*marks, ("experiment", found.option.value, ":")]:
        axes.axvline(rate, color="grey", linestyle=style, label=f"{name}: {rate:.2g}")
    axes.set(xscale="log", xlabel=found.option.key, ylabel="training loss")
    # Where a loss diverges, its last steps would leave no height to the others.
    low, high = min(curve.losses), curve.smoothed[0]
    axes.set_ylim(low - 0.1 * (high - low), high + 0.5 * (high - low))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _draw_batches(axes: Axes, found: Tuning) -> None:
    rungs, best = found.ladder.rungs, found.ladder.best
    axes.plot([rung.batch_size for rung in rungs], [rung.items_per_second for rung in rungs], "o-", color="tab:blue")
    if best is not None:
        axes.axvline(best.batch_size, color="grey", label=f"pays: {best.batch_size:,}")
    axes.axvline(found.batch_size, color="grey", linestyle=":", label=f"experiment: {found.batch_size:,}")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="data.batch_size", ylabel="items/s in training", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
