"""The process of a service: from an exported folder to a listening socket, and to an end without a lost answer."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path
from ssl import SSLContext
from typing import NamedTuple

from aiohttp import web

from lightsmith.serving.api_keys import ApiKeys, Rate
from lightsmith.serving.application import Service
from lightsmith.serving.backend import Backend, Served
from lightsmith.serving.limits import CONNECTIONS, HEADER_SECONDS, LINGER_SECONDS
from lightsmith.serving.monitoring.metrics import Gauge, ServiceMetrics
from lightsmith.serving.monitoring.request_log import LogPlace, RequestLog
from lightsmith.serving.reload import Load, take_newer
from lightsmith.studies.machine_share import threads_for
from lightsmith.terminal import say, shown

LAST_REQUESTS_S = 0.5  # in which kept connections may still bring one, and learn that it was their last
LONGEST_DRAIN_S = 600.0
MOST_WORKERS = 64
PSI = "Population stability index of the last items against the test split."
# aiohttp would write each malformed request into the log, whose header may hold a key.
SILENT = logging.getLogger(f"{__name__}.requests")
SILENT.disabled = True
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Access(NamedTuple):
    """Who may ask: those with a key, or everybody when None; and how often each, in items a second."""

    keys: ApiKeys | None = None
    rate: float | None = None


def loader(workers: int | None) -> Load:
    """Return what loads an exported folder: into this process, or into so many others.

    Raises:
        ValueError: there cannot be so many.
    """
    if workers is None:
        return _load_here
    if not 1 <= workers <= MOST_WORKERS:
        raise ValueError(f"--workers={workers} must be 1…{MOST_WORKERS}; unset, one process does everything")
    return lambda folder, metrics: _load_in_workers(folder, metrics, workers)


async def _load_here(folder: Path, metrics: ServiceMetrics) -> Backend:
    from lightsmith.serving.in_process import load_in_process  # and ONNX Runtime, which the worker processes need only

    return await load_in_process(folder, metrics, threads_for(1))


async def _load_in_workers(folder: Path, metrics: ServiceMetrics, workers: int) -> Backend:
    from lightsmith.serving.workers.pool import start_pool

    return await start_pool(folder, workers, threads_for(workers), metrics)


class Setup(NamedTuple):
    """How a service answers.

    Args:
        load: makes a backend of an exported folder.
        watched: a run or exported folder whose newer exports are taken over; None for none.
        tls: the certificate to answer with; plain HTTP when None.
        log: where answers are written down; nowhere when None.
    """

    load: Load
    access: Access = Access()
    watched: Path | None = None
    tls: SSLContext | None = None
    log: LogPlace | None = None


def serve_folder(folder: Path, listening: socket.socket, setup: Setup) -> None:
    """Serve an exported folder until a signal ends it, and everything accepted is answered.

    Args:
        listening: a bound socket.

    Raises:
        ValueError: the folder cannot be used.
    """
    asyncio.run(_serve(folder, listening, setup))


async def _serve(folder: Path, listening: socket.socket, setup: Setup) -> None:
    """Answer requests until the first signal; the second ends at once."""
    ending = asyncio.Event()
    _end_on_signals(ending)
    await answer_until(ending, folder, listening, setup)


async def answer_until(ending: asyncio.Event, folder: Path, listening: socket.socket, setup: Setup) -> None:
    """Load the model, then answer requests until the event is set, and after it what was accepted."""
    metrics, (keys, rate) = ServiceMetrics(), setup.access
    request_log = RequestLog(setup.log, metrics) if setup.log else None
    service = Service(await setup.load(folder, metrics), metrics, keys, Rate(rate), request_log)
    metrics.gauges += gauges(service)
    beside = [asyncio.create_task(take_newer(service, setup.watched, setup.load))] if setup.watched else []
    try:
        await _listen_until(ending, service, listening, setup)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await service.backend.close()
        if request_log is not None:
            request_log.close()


def gauges(service: Service) -> list[Gauge]:
    """What is looked up when somebody asks for the metrics."""
    return [
        Gauge("lightsmith_items_inside", "Items let in and not answered.", lambda: service.backend.admission.inside),
        Gauge("lightsmith_workers_ready", "Processes that answer items.", lambda: service.backend.ready),
        Gauge("lightsmith_drift_psi", PSI, lambda: service.drift.indices, "signal"),
        Gauge("lightsmith_drift_limit", "PSI above which they differ.", lambda: service.drift.limits, "signal"),
    ]


def _end_on_signals(ending: asyncio.Event) -> None:
    def end() -> None:
        if ending.is_set():
            os._exit(128 + signal.SIGTERM)  # without waiting for anything, as the second one asks
        say("ending: answering what was accepted; a second signal ends at once")
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)


async def _listen_until(ending: asyncio.Event, service: Service, listening: socket.socket, setup: Setup) -> None:
    """Accept connections until the end, then answer what was accepted."""
    runner = web.AppRunner(
        service.application,
        handler_cancellation=True,  # work for clients that went away stops
        access_log=None,
        logger=SILENT,
        keepalive_timeout=HEADER_SECONDS,  # of a connection whose request's header does not come, too
        lingering_time=LINGER_SECONDS,
        shutdown_timeout=LONGEST_DRAIN_S,
    )
    await runner.setup()
    handlers = runner.server
    assert handlers is not None

    def connection() -> asyncio.Protocol:
        return handlers() if len(handlers.connections) < CONNECTIONS else FullHouse()

    accepting = await asyncio.get_running_loop().create_server(
        connection,
        sock=listening,
        backlog=CONNECTIONS,
        ssl=setup.tls,
        ssl_handshake_timeout=HEADER_SECONDS if setup.tls else None,
    )
    print(describe(service.backend.served, listening, setup), flush=True)
    await ending.wait()
    service.draining = True
    accepting.close()
    await asyncio.sleep(LAST_REQUESTS_S)
    await runner.cleanup()


class FullHouse(asyncio.Protocol):
    """Tells a connection too many so, and closes it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(FULL)
        transport.close()


def describe(served: Served, listening: socket.socket, setup: Setup) -> str:
    """Say what is served where, and to whom."""
    host, port = listening.getsockname()[:2]
    scheme, place = "https" if setup.tls else "http", f"[{host}]" if ":" in host else host
    keys = setup.access.keys
    who = "only this machine can ask: no KEYS=" if keys is None else f"to those with a key in {keys.file}"
    what = f"{shown(served.folder)} ({served.answer.kind}, {served.proof.get('precision')})"
    return f"serving    {what}\nat         {scheme}://{place}:{port}  {who}"
