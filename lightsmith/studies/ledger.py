"""What `compress` leaves: ledger.json, a table and a plot of accuracy over latency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lightsmith.exports.proof import ROUNDING

SCHEMA = 1
TIMED = "32"  # the batch size that variants are chosen by
HEADINGS = ("variant", "test", "size", "MACs", "p50 of 1", "p50 of 32", "speed of 32", "zeros")
SMALLEST_POINT, LARGEST_POINT = 30, 400  # areas, in points²

Row = dict[str, Any]


def recommended(rows: Sequence[Row], max_drop: float) -> Row:
    """The fastest variant that loses at most so many points on the validation split, against the first.

    The test split has no part in the choice, so that the accuracy there is an honest one.
    """
    least = rows[0]["val_accuracy"] - (max_drop + ROUNDING) / 100
    return min((row for row in rows if row["val_accuracy"] >= least), key=lambda row: row["latency_ms"][TIMED])


def shortcomings(rows: Sequence[Row], chosen: Row, max_drop: float) -> list[str]:
    """What is wrong with the variants, a sentence each: a loss on the test split, lost zeros, a file not exact."""
    lost = 100 * (rows[0]["test_accuracy"] - chosen["test_accuracy"])
    found = []
    if lost > max_drop + ROUNDING:
        found.append(f"{chosen['name']} loses {lost:.2f} points on the test split, more than {max_drop}")
    for row in rows:
        if row["file_zeros"] is not None and row["file_zeros"] < row["zeros"] - 0.001:
            found.append(f"{row['name']} has {row['zeros']:.1%} zeros, of which its file keeps {row['file_zeros']:.1%}")
        if row["exact"] and row["unproved"]:
            found.append(f"{row['name']}: {'; '.join(row['unproved'])}")
    return found


def print_table(rows: Sequence[Row], chosen: Row) -> None:
    """All variants, the recommended one marked."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "variant" else "right", no_wrap=True)
    dense = rows[0]["latency_ms"][TIMED]
    for row in rows:
        table.add_row(
            f"{row['name']}{' ←' if row is chosen else ''}",
            f"{row['test_accuracy']:.2%}",
            f"{row['bytes'] / 1e6:.2f} MB",
            f"{row['macs'] / 1e6:,.1f} M",
            *(f"{row['latency_ms'][size]:.3g} ms" for size in ("1", TIMED)),
            f"{dense / row['latency_ms'][TIMED]:.2f}×",
            f"{row['zeros']:.0%}" if row["zeros"] > 0.001 else "",
            style="bold" if row is chosen else None,
        )
    Console(width=120).print(table)


def plot(rows: Sequence[Row], title: str, path: Path) -> None:
    """Test accuracy over median latency, areas by bytes, and the variants that none beats in both as a line (PNG)."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    front = pareto(rows)
    axes.plot([_ms(row) for row in front], [100 * row["test_accuracy"] for row in front], "--", color="grey", zorder=1)
    largest = max(row["bytes"] for row in rows)
    for row in rows:
        area = SMALLEST_POINT + (LARGEST_POINT - SMALLEST_POINT) * row["bytes"] / largest
        axes.scatter(_ms(row), 100 * row["test_accuracy"], s=area, alpha=0.7, zorder=2)
        axes.annotate(row["name"], (_ms(row), 100 * row["test_accuracy"]), xytext=(8, 5), textcoords="offset points")
    axes.set(title=title, xlabel=f"p50 latency of {TIMED} items, ms (area: bytes on disk)", ylabel="test accuracy, %")
    axes.margins(0.15)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def pareto(rows: Sequence[Row]) -> list[Row]:
    """The variants that are more accurate than every faster one, fastest first."""
    front: list[Row] = []
    for row in sorted(rows, key=lambda row: (_ms(row), -row["test_accuracy"])):
        if not front or row["test_accuracy"] > front[-1]["test_accuracy"]:
            front.append(row)
    return front


def _ms(row: Row) -> float:
    return float(row["latency_ms"][TIMED])
