"""Serving against rivals: requests a second, overload, start and memory.

.venv/bin/python -m benchmarks.serving images --export=runs/cifar_cnn/latest/export-onnx-int8
.venv/bin/python -m benchmarks.serving texts --export=runs/bert_classifier/latest/export-onnx-int8 --items=reviews.txt
.venv/bin/python -m benchmarks.serving overload --export=runs/bert_classifier/latest/export-onnx-int8
.venv/bin/python -m benchmarks.serving start --export=runs/cifar_cnn/latest/export-onnx-int8

Each keeps its figures in benchmarks/results/serving.json and brings docs/benchmarks.md up to it. Client and services
share the machine, so that only ratios mean something. Contenders run in turn, each started anew.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from tqdm.auto import tqdm

from benchmarks.command_line import answer
from benchmarks.pages import write_pages
from benchmarks.report import clean_commit, machine
from benchmarks.serving_rivals.contenders import (
    LITSERVE_SETTINGS,
    Contender,
    arrival_order,
    fastapi,
    install_rivals,
    lightsmith,
    litserve,
    resident_mb,
    started,
)
from benchmarks.serving_table import SERVING, text_of
from lightsmith.load_test.connection import Pool
from lightsmith.load_test.open_loop import Step, send_always, send_at
from lightsmith.load_test.requests import made_items, read_items
from lightsmith.studies.machine_share import threads_for

TRY_SECONDS = 3.0
PEAK_SECONDS = 15.0
Figures = dict[str, float]


def images(export: Path, repeats: int = 3, seconds: float = 6.0, connections: int = 64, keep: bool = True) -> None:
    """Race Lightsmith, with a worker for each core too, LitServe at its best, and FastAPI: PNG → class.

    Args:
        export: a folder that ``make export`` wrote, of a model on images.
        repeats: turns.
        seconds: of load in each turn, after a second to get warm.
        connections: always busy.
        keep: the figures, which needs a clean tree.

    Raises:
        ValueError: uncommitted changes, or a contender does not answer.
    """
    commit = clean_commit() if keep else None
    install_rivals()
    bodies = _items("image", export, None)
    best = _best_litserve(export, "image", bodies, connections)
    race = [lightsmith(export), lightsmith(export, threads_for(1)), best, fastapi(export)]
    _finish("images", _raced(race, "image", bodies, repeats, seconds, connections), commit)


def texts(
    export: Path,
    items: Path | None = None,
    repeats: int = 3,
    seconds: float = 15.0,
    connections: int = 16,
    keep: bool = True,
) -> None:
    """Race Lightsmith, with a worker for each core too and with batches in order of arrival, and LitServe at its best.

    Args:
        export: a folder that ``make export`` wrote, of a model on texts.
        items: a file with a text on each line; made ones of mixed lengths when unset.
        repeats: turns.
        seconds: of load in each turn, after a second to get warm.
        connections: always busy.
        keep: the figures, which needs a clean tree.

    Raises:
        ValueError: uncommitted changes, or a contender does not answer.
    """
    commit = clean_commit() if keep else None
    install_rivals()
    bodies = _items("text", export, items)
    best = _best_litserve(export, "text", bodies, connections)
    race = [lightsmith(export), lightsmith(export, threads_for(1)), arrival_order(export), best]
    _finish("texts", _raced(race, "text", bodies, repeats, seconds, connections), commit)


def overload(
    export: Path, items: Path | None = None, times: float = 4.0, seconds: float = 60.0, keep: bool = True
) -> None:
    """Send several times as many requests as Lightsmith can answer, in an open loop, and look at what it makes of them.

    Args:
        export: a folder that ``make export`` wrote.
        items: images, or a file with a text on each line; made ones when unset.
        times: the most that it does.
        seconds: of overload.
        keep: the figures, which needs a clean tree.

    Raises:
        ValueError: uncommitted changes, or it does not answer.
    """
    commit = clean_commit() if keep else None
    takes = json.loads((export / "preprocessing.json").read_text("utf-8"))["kind"]
    contender = lightsmith(export)
    requests = contender.requests(takes, _items(takes, export, items))
    with started(contender, requests[0]) as (port, _, process):
        figures = asyncio.run(_overloaded(port, requests, times, seconds, process))
    _finish("overload", {"times": times, "seconds": seconds, **figures}, commit)


def start(export: Path, repeats: int = 5, keep: bool = True) -> None:
    """Measure the seconds from a start of Lightsmith's service to its first answer, and the memory after a load.

    Args:
        export: a folder that ``make export`` wrote.
        repeats: starts.
        keep: the figures, which needs a clean tree.

    Raises:
        ValueError: uncommitted changes, or it does not answer.
    """
    commit = clean_commit() if keep else None
    takes = json.loads((export / "preprocessing.json").read_text("utf-8"))["kind"]
    contender = lightsmith(export)
    requests = contender.requests(takes, _items(takes, export, None))
    found = []
    for _ in tqdm(range(repeats), "starts", disable=None):
        with started(contender, requests[0]) as (port, seconds, process):
            asyncio.run(_busy(port, requests, 64, TRY_SECONDS))
            found.append({"seconds": seconds, "resident_mb": resident_mb(process)})
    _finish("start", spread(found), commit)


def _items(takes: str, export: Path, source: Path | None) -> list[bytes]:
    if source is not None:
        return read_items(takes, source)
    return made_items(takes, json.loads((export / "preprocessing.json").read_text("utf-8")))


def _best_litserve(export: Path, takes: str, bodies: Sequence[bytes], connections: int) -> Contender:
    """LitServe with those of its settings that answer the most."""
    best, most = None, 0.0
    for settings in tqdm(LITSERVE_SETTINGS, "LitServe's settings", disable=None):
        contender = litserve(export, dict(settings))
        rate = _turn(contender, takes, bodies, TRY_SECONDS, connections)["requests_s"]
        print(f"{contender.name}: {rate:,.1f} requests/s", flush=True)
        best, most = (contender, rate) if rate >= most else (best, most)
    assert best is not None
    return best


def _raced(
    race: Sequence[Contender], takes: str, bodies: Sequence[bytes], repeats: int, seconds: float, connections: int
) -> dict[str, Any]:
    """Each contender's figures over turns."""
    found: dict[str, list[Figures]] = {contender.name: [] for contender in race}
    for _ in tqdm(range(repeats), "turns", disable=None):
        for contender in race:
            found[contender.name].append(_turn(contender, takes, bodies, seconds, connections))
    return {"connections": connections, "contenders": {name: spread(turns) for name, turns in found.items()}}


def _turn(contender: Contender, takes: str, bodies: Sequence[bytes], seconds: float, connections: int) -> Figures:
    """A contender's figures, freshly started."""
    requests = contender.requests(takes, bodies)
    with started(contender, requests[0]) as (port, _, process):
        step = asyncio.run(_busy(port, requests, connections, seconds))
        memory = resident_mb(process)
    return {
        "requests_s": step.goodput,
        "p50_ms": step.latency_ms(50),
        "p99_ms": step.latency_ms(99),
        "failed": step.refused + step.failed,
        "resident_mb": memory,
    }


async def _busy(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Step:
    pool = Pool("127.0.0.1", port, connections)
    await send_always(pool, requests, connections, 1.0)
    step = await send_always(pool, requests, connections, seconds)
    pool.close()
    return step


async def _overloaded(
    port: int, requests: Sequence[bytes], times: float, seconds: float, process: psutil.Process
) -> Figures:
    """The most, then the overload, then how soon it is over."""
    pool = Pool("127.0.0.1", port, 900)
    await send_always(pool, requests, 32, TRY_SECONDS)
    peak = (await send_always(pool, requests, 32, PEAK_SECONDS)).goodput
    before, grown = resident_mb(process), 0.0
    loaded = asyncio.create_task(send_at(pool, requests, times * peak, seconds, seed=0))
    while not loaded.done():
        grown = max(grown, resident_mb(process) - before)
        await asyncio.sleep(0.5)
    step, ended = loaded.result(), time.monotonic()
    while True:
        after = await send_at(pool, requests, 0.3 * peak, 1.0, seed=1)
        if after.answered == after.sent or time.monotonic() - ended > 30:
            break
    pool.close()
    return {
        "peak_s": peak,
        "goodput_share": step.goodput / peak,
        "refused_share": step.refused / step.sent,
        "refusal_p50_ms": step.refusal_ms(50),
        "answer_p99_ms": step.latency_ms(99),
        "unanswered": step.failed,
        "grown_mb": grown,
        "recovered_within_s": time.monotonic() - ended,
    }


def spread(turns: Sequence[Figures]) -> dict[str, Any]:
    """Median, least and most of each figure."""
    columns = {name: [turn[name] for turn in turns] for name in turns[0]}
    spread = {n: {"median": median(v), "min": min(v), "max": max(v)} for n, v in columns.items()}
    return {"turns": len(turns), **spread}


def _finish(part: str, figures: dict[str, Any], commit: str | None) -> None:
    """Print the figures; keep them and bring the page up to them where they name a commit."""
    figures = {"commit": commit, "date": time.strftime("%Y-%m-%d"), "machine": machine(), **figures}
    print(text_of(part, figures))
    if commit is not None:
        kept = json.loads(SERVING.read_text("utf-8")) if SERVING.is_file() else {}
        SERVING.write_text(json.dumps({**kept, part: figures}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_pages()


if __name__ == "__main__":
    answer([images, texts, overload, start])
