"""The figures of benchmarks/serving.py as docs/benchmarks.md shows them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

SERVING = Path(__file__).parent / "results" / "serving.json"
UNMEASURED = "Not yet measured."
OURS = re.compile(r"Lightsmith(, \d+ workers)?")
PARTS = ("images", "texts", "overload", "start")
WHAT = {"images": "PNG → class", "texts": "texts of mixed lengths"}


def serving_tables() -> str:
    """A table for each race, and a line for each of the rest that was measured."""
    found: dict[str, Any] = json.loads(SERVING.read_text("utf-8")) if SERVING.is_file() else {}
    return "\n\n".join(text_of(part, found[part]) for part in PARTS if part in found) or UNMEASURED


def text_of(part: str, figures: dict[str, Any]) -> str:
    """Write one part of the figures as the text that the page shows."""
    if part in WHAT:
        return _race(WHAT[part], figures)
    return _overload(figures) if part == "overload" else _start(figures)


def _race(what: str, race: dict[str, Any]) -> str:
    rows = [f"**{what}**, {race['connections']} connections that are always busy: {_where(race)}", ""]
    rows += ["| service | turns | requests/s | range | Lightsmith's best to it | p99 | memory |"]
    rows += ["|---|---|---|---|---|---|---|"]
    ours = max(figures["requests_s"]["median"] for name, figures in race["contenders"].items() if OURS.fullmatch(name))
    for name, figures in race["contenders"].items():
        rate = figures["requests_s"]
        speeds = f"{rate['median']:,.1f} | {rate['min']:,.1f}–{rate['max']:,.1f} | {ours / rate['median']:.2f}×"
        late, memory = figures["p99_ms"]["median"], figures["resident_mb"]["median"]
        rows.append(f"| {name} | {figures['turns']} | {speeds} | {late:,.0f} ms | {memory:,.0f} MB |")
    return "\n".join(rows)


def _overload(found: dict[str, Any]) -> str:
    return (
        f"**{found['times']:g} times the most**, {found['seconds']:g} s, open loop: goodput "
        f"{found['goodput_share']:.0%} of {found['peak_s']:,.1f} requests/s; {found['refused_share']:.0%} refused, "
        f"after {found['refusal_p50_ms']:,.1f} ms at the median; {found['unanswered']:.0f} without an answer; memory "
        f"{found['grown_mb']:+,.0f} MB; over after {found['recovered_within_s']:.1f} s; {_where(found)}."
    )


def _start(found: dict[str, Any]) -> str:
    return (
        f"**Start to first answer**: {found['seconds']['median']:.2f} s ({found['seconds']['min']:.2f}–"
        f"{found['seconds']['max']:.2f}, {found['turns']} starts); resident after a load "
        f"{found['resident_mb']['median']:,.0f} MB; {_where(found)}."
    )


def _where(found: dict[str, Any]) -> str:
    machine = found["machine"]
    return f"{machine['cores']} cores, {machine['cpu']}, commit {found['commit']}, {found['date']}"
