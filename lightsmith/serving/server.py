"""The process of a service: from an exported folder to a listening socket, and to an end without a lost answer."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import signal
import socket
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from datamodules.preprocessing import TextPreprocessing, padded_width
from lightsmith.serving.api_keys import ApiKeys, Rate
from lightsmith.serving.application import Parts, Service
from lightsmith.serving.batcher import Batcher
from lightsmith.serving.cost_model import CostModel, fit
from lightsmith.serving.limits import CONNECTIONS, HEADER_SECONDS, LINGER_SECONDS
from lightsmith.serving.metrics import Gauge, ServiceMetrics
from lightsmith.serving.served_model import Encoded, ServedModel, load_served, threads
from lightsmith.terminal import shown

LAST_REQUESTS_S = 0.5  # in which kept connections may still bring one, and learn that it was their last
LONGEST_DRAIN_S = 600.0
TEXT_WIDTHS = (16, 64, 256)  # columns at which batches are measured, and the widest
# aiohttp would write each malformed request into the log, whose header may hold a key.
SILENT = logging.getLogger(f"{__name__}.requests")
SILENT.disabled = True
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Address(NamedTuple):
    """The address to listen at, and who may ask."""

    host: str
    port: int
    keys: Path | None
    rate: float | None


def check_address(address: Address) -> ApiKeys | None:
    """Refuse an address that cannot be served at, before anything is loaded; returns the keys.

    Raises:
        ValueError: naming the option.
    """
    if not 0 <= address.port <= 65535:
        raise ValueError(f"--port={address.port} must be 0…65535; 0 takes one that is free")
    if address.rate is not None and not 0 < address.rate < float("inf"):
        raise ValueError(f"--rate={address.rate} must be above 0 requests a second")
    if address.keys is not None:
        return ApiKeys(address.keys)
    if not is_loopback(address.host):
        raise ValueError(
            f"--host={address.host} lets other machines ask, so give --keys=<file> that says who may; "
            "without it the host is 127.0.0.1"
        )
    return None


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def open_socket(host: str, port: int) -> socket.socket:
    """A socket bound to an address, not yet listening.

    Raises:
        ValueError: the address is taken, or no address.
    """
    found = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
    except OSError as error:
        if found is not None:
            found.close()
        reason = error.strerror or error
        raise ValueError(f"--host={host} --port={port} cannot be served at: {reason}; give another one") from error
    return found


def serve_folder(folder: Path, listening: socket.socket, keys: ApiKeys | None, rate: float | None) -> None:
    """Serve an exported folder until a signal ends it, and everything accepted is answered.

    Args:
        listening: a bound socket.
        keys: who may ask; everybody when None.
        rate: requests a second for each key.

    Raises:
        ValueError: the folder cannot be used.
    """
    model = load_served(folder, threads())
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of what is odd in a file that is readable all the same
    asyncio.run(_serve(model, listening, keys, rate))


async def _serve(model: ServedModel, listening: socket.socket, keys: ApiKeys | None, rate: float | None) -> None:
    """Answer requests until the first signal; the second ends at once."""
    ending = asyncio.Event()
    _end_on_signals(ending)
    await answer_until(ending, model, listening, keys, rate)


async def answer_until(
    ending: asyncio.Event,
    model: ServedModel,
    listening: socket.socket,
    keys: ApiKeys | None = None,
    rate: float | None = None,
) -> None:
    """Measure the model, then answer requests until the event is set, and after it what was accepted."""
    with ThreadPoolExecutor(1, "network") as network, ThreadPoolExecutor(threads(), "decoding") as decoders:
        costs = await asyncio.get_running_loop().run_in_executor(network, measured_costs, model)
        metrics = ServiceMetrics()
        batcher = Batcher(model.predict, costs, network, metrics)
        inside = Gauge("lightsmith_items_inside", "Items let in and not answered.", lambda: batcher.inside)
        metrics.gauges.append(inside)
        service = Service(Parts(model, batcher, decoders, metrics, keys, Rate(rate)))
        answering = asyncio.create_task(batcher.run())
        await _listen_until(ending, service, listening, describe(model, listening, keys))
        answering.cancel()


def _end_on_signals(ending: asyncio.Event) -> None:
    def end() -> None:
        if ending.is_set():
            os._exit(128 + signal.SIGTERM)  # without waiting for anything, as the second one asks
        print("ending: answering what was accepted; a second signal ends at once", file=sys.stderr, flush=True)
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)


async def _listen_until(ending: asyncio.Event, service: Service, listening: socket.socket, line: str) -> None:
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

    accepting = await asyncio.get_running_loop().create_server(connection, sock=listening, backlog=CONNECTIONS)
    print(line, flush=True)
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


def describe(model: ServedModel, listening: socket.socket, keys: ApiKeys | None) -> str:
    """Say what is served where, and to whom."""
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    who = "only this machine can ask: no KEYS=" if keys is None else f"to those with a key in {keys.file}"
    what = f"{shown(model.folder)} ({model.answer.kind}, {model.proof.get('precision')})"
    return f"serving    {what}\nat         {url}  {who}"


def measured_costs(model: ServedModel) -> CostModel:
    """Measure batches of blank items, and fit how long others take."""

    def measure(width: int, items: int) -> float:
        batch = [model.blank(width)] * items
        return min(_seconds(model, batch) for _ in range(3))

    return fit(measure, widths_of(model))


def _seconds(model: ServedModel, batch: list[Encoded]) -> float:
    started = time.perf_counter()
    model.predict(batch)
    return time.perf_counter() - started


def widths_of(model: ServedModel) -> list[int]:
    """Columns at which batches are measured."""
    if not isinstance(model.preprocessing, TextPreprocessing):
        return [1]
    widest = padded_width(model.preprocessing.max_tokens)
    return [*(width for width in TEXT_WIDTHS if width < widest), widest]
