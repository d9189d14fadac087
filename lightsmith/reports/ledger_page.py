"""The page of a compression: its ledger, with the recommended variant marked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lightning_modules.training.task import Headline
from lightsmith.reports.parts import Part, Shown, chart, rounded, section, series, table, text
from lightsmith.run_folder import LEDGER
from lightsmith.studies.ledger import LARGEST_POINT, SMALLEST_POINT, TIMED, Row, lost_by, pareto
from lightsmith.terminal import shown

T = TypeVar("T")
FOOTER = f"Figures are those of {LEDGER}. This file needs no network."


def ledger_page(folder: Path) -> dict[str, Any]:
    """The figures of the page of a folder that `compress` wrote.

    Raises:
        ValueError: its ledger is not what `compress` writes.
    """
    return _built(_page, folder)


def ledger_parts(folder: Path) -> list[Part]:
    """The variants of a compression: how right and how fast they are, and the whole ledger.

    Raises:
        ValueError: its ledger is not what `compress` writes.
    """
    return _built(_variants, folder)


def _built(build: Callable[[Path, dict[str, object]], T], folder: Path) -> T:
    path = folder / LEDGER
    try:
        return build(folder, json.loads(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, StopIteration, json.JSONDecodeError) as error:
        raise ValueError(f"{shown(path)} is not what compress writes: restore it or remove it") from error


def _variants(folder: Path, ledger: dict[str, Any]) -> list[Part]:
    headline, rows = Headline(**ledger["headline"]), ledger["variants"]
    chosen = next(row for row in rows if row["name"] == ledger["recommended"])
    return [_chart(rows, headline, chosen), _table(rows, headline, chosen)]


def _page(folder: Path, ledger: dict[str, Any]) -> dict[str, Any]:
    headline, rows = Headline(**ledger["headline"]), ledger["variants"]
    chosen = next(row for row in rows if row["name"] == ledger["recommended"])
    unit = headline.unit.partition(" of ")[0]
    lost = lost_by(rows, chosen, "test", headline)
    said = [
        f"Recommended: {chosen['name']}, the fastest within {ledger['max_drop']:g} {unit} on the validation split.",
        f"On the test split it loses {lost:.2f} {unit} against {rows[0]['name']}.",
    ]
    failed = [text(f"FAILED: {reason}") for reason in ledger["shortcomings"]]
    return {
        "title": f"{ledger['experiment']}, compressed: {folder.name}",
        "headline": {
            "name": f"{chosen['name']}, test {headline.metric}",
            "value": chosen[f"test_{headline.metric}"],
            "as": "metric",
            "interval": None,
            "note": f"n = {chosen['test_items']:,}",
        },
        "lead": [f"on {ledger['data']} · {shown(folder)}"],
        "sections": [
            section("Recommendation", [*map(text, said), *failed]),
            section("Right and fast", [_chart(rows, headline, chosen)]),
            section("Ledger", [_table(rows, headline, chosen)]),
        ],
        "footer": FOOTER,
    }


def _chart(rows: list[Row], headline: Headline, chosen: Row) -> Part:
    """The headline over latency: a dot for each variant, areas by bytes, and a line through what none beats in both."""
    name, largest = f"test_{headline.metric}", max(row["bytes"] for row in rows)
    places = [(row["latency_ms"][TIMED], row[name]) for row in rows]
    areas = [SMALLEST_POINT + (LARGEST_POINT - SMALLEST_POINT) * row["bytes"] / largest for row in rows]
    names = [row["name"] for row in rows]
    front = [(row["latency_ms"][TIMED], row[name]) for row in pareto(rows, headline)]
    sizes = [rounded((area / 3.2) ** 0.5) for area in areas]
    return chart(
        f"test {headline.metric} over latency",
        "Each dot is a variant, its area that of its file; the dashed line joins those that none beats in both.",
        Shown(f"p50 latency of {TIMED} items, ms", as_="general"),
        Shown(f"test {headline.metric}", as_="metric"),
        [
            series("best of both", front, 7, dashed=True),
            series("variants", places, 0, "dots", names=names, sizes=sizes),
        ],
        {"pad": 0.12},
        {"pad": 0.15},
        labels={"recommended": chosen["name"]},
        height=420,
    )


def _table(rows: list[Row], headline: Headline, chosen: Row) -> Part:
    columns = [
        Shown("variant"),
        Shown(f"test {headline.metric}", as_="metric"),
        Shown(f"val {headline.metric}", as_="metric"),
    ]
    columns += [Shown("size", as_="megabytes"), Shown("MACs", as_="count")]
    columns += [Shown(f"p50 of {size}", as_="milliseconds") for size in ("1", TIMED)]
    columns += [
        Shown(f"speed of {TIMED}", as_="general"),
        Shown("zeros", as_="percent"),
        Shown("precision"),
        Shown("made from"),
    ]
    dense = rows[0]["latency_ms"][TIMED]
    cells = [
        [
            row["name"],
            row[f"test_{headline.metric}"],
            row[f"val_{headline.metric}"],
            row["bytes"],
            row["macs"],
            row["latency_ms"]["1"],
            row["latency_ms"][TIMED],
            rounded(dense / row["latency_ms"][TIMED]),
            row["zeros"],
            row["precision"],
            row["of"],
        ]
        for row in rows
    ]
    return table("variants, the recommended one in bold", columns, cells, marked=rows.index(chosen))
