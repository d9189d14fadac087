from __future__ import annotations

from typing import Any

from benchmarks.serving import spread
from benchmarks.serving_table import text_of

ABOUT: dict[str, Any] = {"commit": "abc", "date": "2026-01-01", "machine": {"cores": 2, "cpu": "a CPU"}}


def turn(rate: float) -> dict[str, float]:
    return {"requests_s": rate, "p99_ms": 1e4 / rate, "resident_mb": 100.0}


def test_a_race_shows_medians_ranges_and_how_many_times_as_fast_lightsmith_is() -> None:
    contenders = {"Lightsmith": spread([turn(400), turn(500), turn(600)]), "rival": spread([turn(100), turn(125)])}
    contenders["Lightsmith, batches in order of arrival"] = spread([turn(900)])  # is no best of ours
    rows = text_of("images", {**ABOUT, "connections": 64, "contenders": contenders}).splitlines()
    assert rows[0] == "**PNG → class**, 64 connections that are always busy: 2 cores, a CPU, commit abc, 2026-01-01"
    assert rows[-3] == "| Lightsmith | 3 | 500.0 | 400.0–600.0 | 1.00× | 20 ms | 100 MB |"
    assert rows[-2] == "| rival | 2 | 112.5 | 100.0–125.0 | 4.44× | 90 ms | 100 MB |"


def test_an_overload_and_a_start_are_sentences() -> None:
    figures = {"times": 4, "seconds": 60, "peak_s": 50, "goodput_share": 0.93, "refused_share": 0.75, "grown_mb": 12}
    figures |= {"refusal_p50_ms": 3, "unanswered": 0, "recovered_within_s": 1.2}
    assert text_of("overload", {**ABOUT, **figures}) == (
        "**4 times the most**, 60 s, open loop: goodput 93% of 50.0 requests/s; 75% refused, after 3.0 ms at the "
        "median; 0 without an answer; memory +12 MB; over after 1.2 s; 2 cores, a CPU, commit abc, 2026-01-01."
    )
    starts = spread([{"seconds": 1.5, "resident_mb": 150}, {"seconds": 2.5, "resident_mb": 160}])
    assert text_of("start", {**ABOUT, **starts}) == (
        "**Start to first answer**: 2.00 s (1.50–2.50, 2 starts); resident after a load 155 MB; "
        "2 cores, a CPU, commit abc, 2026-01-01."
    )
