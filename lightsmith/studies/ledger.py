"""The ledger of `compress`: ledger.json, a table and a plot of the headline metric over latency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from lightning_modules.training.task import Headline
from lightsmith.exports.proof import ROUNDING
from lightsmith.studies.named_dots import name_dots
from lightsmith.terminal import empty_table

SCHEMA = 1
TIMED = "32"  # the batch size that variants are chosen by
HEADINGS = ("variant", "test", "size", "MACs", "p50 of 1", "p50 of 32", "speed of 32", "zeros")
SMALLEST_POINT, LARGEST_POINT = 30, 400  # areas, in points²

Row = dict[str, Any]


def lost_by(rows: Sequence[Row], row: Row, split: str, headline: Headline) -> float:
    """Compute how much worse a variant is than the first on a split, by ``Headline.worse_by``."""
    name = f"{split}_{headline.metric}"
    return headline.worse_by(rows[0][name], row[name])


def recommended(rows: Sequence[Row], max_drop: float, headline: Headline) -> Row:
    """The fastest variant that is worse than the first by ``max_drop`` at most on the validation split.

    The test split has no part in the choice, so that the figure there is an honest one.
    """
    good = (row for row in rows if lost_by(rows, row, "val", headline) <= max_drop + ROUNDING)
    return min(good, key=lambda row: row["latency_ms"][TIMED])


def shortcomings(rows: Sequence[Row], chosen: Row, max_drop: float, headline: Headline) -> list[str]:
    """List what is wrong with the variants: a loss on the test split, pruned zeros lost, a file that is not exact."""
    lost, unit = lost_by(rows, chosen, "test", headline), headline.unit.partition(" of ")[0]
    found = []
    if lost > max_drop + ROUNDING:
        found.append(f"{chosen['name']} loses {lost:.2f} {unit} on the test split, more than {max_drop}")
    for row in rows:
        if row["file_zeros"] is not None and row["file_zeros"] < row["zeros"] - 0.001:
            found.append(f"{row['name']} has {row['zeros']:.1%} zeros, of which its file keeps {row['file_zeros']:.1%}")
        if row["exact"] and row["unproved"]:
            found.append(f"{row['name']}: {'; '.join(row['unproved'])}")
    return found


def print_table(rows: Sequence[Row], chosen: Row, headline: Headline) -> None:
    """All variants, the recommended one marked."""
    table = empty_table(*HEADINGS, left=["variant"], no_wrap=True)
    dense = rows[0]["latency_ms"][TIMED]
    for row in rows:
        table.add_row(
            f"{row['name']}{' ←' if row is chosen else ''}",
            _figure(row, headline),
            f"{row['bytes'] / 1e6:.2f} MB",
            f"{row['macs'] / 1e6:,.1f} M",
            *(f"{row['latency_ms'][size]:.3g} ms" for size in ("1", TIMED)),
            f"{dense / row['latency_ms'][TIMED]:.2f}×",
            f"{row['zeros']:.0%}" if row["zeros"] > 0.001 else "",
            style="bold" if row is chosen else None,
        )
    Console(width=120).print(table)


def plot(rows: Sequence[Row], chosen: Row, title: str, path: Path, headline: Headline) -> None:
    """The headline in the test over median latency, areas by bytes; a line joins what none beats in both (PNG).

    The recommended variant has a ring and a word beside its name; no name lies on another, or on a dot.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    front, name = pareto(rows, headline), f"test_{headline.metric}"
    scale, label = (100, "%") if headline.direction == "max" else (1, "lower is better")
    axes.plot([_ms(row) for row in front], [scale * row[name] for row in front], "--", color="grey", zorder=1)
    largest = max(row["bytes"] for row in rows)
    for row in rows:
        area = SMALLEST_POINT + (LARGEST_POINT - SMALLEST_POINT) * row["bytes"] / largest
        axes.scatter(_ms(row), scale * row[name], s=area, alpha=0.7, zorder=2)
    axes.scatter(
        _ms(chosen), scale * chosen[name], s=2 * LARGEST_POINT, facecolors="none", edgecolors="black", zorder=3
    )
    axes.set(title=title, ylabel=f"test {headline.metric}, {label}")
    axes.set(xlabel=f"p50 latency of {TIMED} items, ms (area: bytes on disk)")
    axes.margins(0.15)
    axes.grid(alpha=0.3)
    texts = [f"{row['name']} – recommended" if row is chosen else row["name"] for row in rows]
    name_dots(axes, [(_ms(row), scale * row[name]) for row in rows], texts)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def pareto(rows: Sequence[Row], headline: Headline) -> list[Row]:
    """The variants that are better in the test than every faster one, fastest first."""
    front: list[Row] = []
    for row in sorted(rows, key=lambda row: (_ms(row), lost_by(rows, row, "test", headline))):
        if not front or lost_by(front, row, "test", headline) < lost_by(front, front[-1], "test", headline):
            front.append(row)
    return front


def _figure(row: Row, headline: Headline) -> str:
    figure = row[f"test_{headline.metric}"]
    return f"{figure:.2%}" if headline.direction == "max" else f"{figure:.4g}"


def _ms(row: Row) -> float:
    return float(row["latency_ms"][TIMED])
