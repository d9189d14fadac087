"""The page of a tune: the loss over the learning rate, and the batch sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightsmith.reports.parts import Part, Shown, chart, facts, section, series, table, text
from lightsmith.studies.tuning.tuning import read_tuning
from lightsmith.terminal import shown

FOOTER = "Figures are those of tune.json, to at most seven digits. This file needs no network."
BATCHES = ("batch_size", "step_seconds", "items_per_second", "memory_bytes")


def tune_page(folder: Path) -> dict[str, Any]:
    """The figures of the page of a tune.

    Raises:
        ValueError: the folder holds no record that a tune writes.
    """
    record = read_tuning(folder)
    lead = f"{record['option']}={record['suggested']:g}; the experiment has {record['value']:g} · {shown(folder)}"
    return {
        "title": f"{record['experiment']}, tune: {folder.name}",
        "headline": None,
        "lead": [lead],
        "sections": [
            section("Learning rate", [_curve(record), _rates(record)]),
            section("Batch size", [_batches(record)]),
            section("Use", [text(command) for command in record["commands"]]),
        ],
        "footer": FOOTER,
    }


def _curve(record: dict[str, Any]) -> Part:
    rates, smoothed = record["rates"], record["smoothed"]
    # Where a loss diverges, its last steps would leave no height to the others.
    highest = max(smoothed[0], 1.5 * smoothed[0] - 0.5 * min(smoothed))
    marks = [("suggested", "suggested"), ("experiment", "value")]
    guides = [{"x": [record[key]], "name": f"{name}: {record[key]:.2g}"} for name, key in marks]
    return chart(
        "training loss",
        f"Loss of each step at rising {record['option']}, and its smoothed mean; the highest losses are left out.",
        Shown(record["option"], as_="general"),
        Shown("loss", as_="general"),
        [
            series("loss", [point for point in zip(rates, record["losses"], strict=True) if point[1] <= highest], 7),
            series("smoothed", [point for point in zip(rates, smoothed, strict=True) if point[1] <= highest], 0),
        ],
        {"log": True},
        guides=guides,
    )


def _rates(record: dict[str, object]) -> Part:
    rows = [("suggested", "suggested"), ("steepest fall", "steepest"), ("lowest loss", "lowest")]
    rows += [("two thirds into the longest fall", "valley"), ("experiment", "value")]
    return facts(Shown(name, record[key], "general", key) for name, key in rows)


def _batches(record: dict[str, Any]) -> Part:
    columns = [Shown("batch size", as_="count"), Shown("seconds a step", as_="general")]
    columns += [Shown("items a second", as_="rate"), Shown("memory", as_="gigabytes")]
    sizes = [rung["batch_size"] for rung in record["batches"]]
    best = record["suggested_batch_size"]
    rows = [[rung[name] for name in BATCHES] for rung in record["batches"]]
    return table("the one that pays in bold", columns, rows, marked=sizes.index(best) if best else None)
