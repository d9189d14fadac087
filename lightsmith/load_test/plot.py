"""A picture of latency over rate."""

from __future__ import annotations

from pathlib import Path

from lightsmith.load_test.capacity import PERCENTILES, Found


def plot(found: Found, p99_ms: float, path: Path) -> None:
    """Draw percentiles of latency over the rate at which requests were due, and the share that was answered below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    rates = [step.rate for step in found.steps]
    for percent in PERCENTILES:
        above.plot(rates, [step.latency_ms(percent) for step in found.steps], "o-", label=f"p{percent}")
    above.axhline(p99_ms, color="grey", linestyle=":", label="wanted of p99")
    above.set(yscale="log", ylabel="ms from the moment it was due")
    above.legend()
    below.plot(rates, [100 * step.answered / max(step.sent, 1) for step in found.steps], "o-", color="black")
    below.set(ylim=(0, 105), xlabel="requests due a second", ylabel="% answered")
    if found.capacity is not None:
        for axes in (above, below):
            axes.axvline(found.capacity.rate, color="green", linestyle="--")
    figure.savefig(path, dpi=150)
