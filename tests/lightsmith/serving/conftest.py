"""Services that run in a thread of the test's process, and a client."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lightsmith.serving.address import open_socket
from lightsmith.serving.api_keys import ApiKeys
from lightsmith.serving.backend import Backend
from lightsmith.serving.in_process import InProcess, measured_costs
from lightsmith.serving.monitoring.metrics import ServiceMetrics
from lightsmith.serving.served_model import ServedModel, load_served
from lightsmith.serving.server import Access, Setup, answer_until
from tests.lightsmith.serving import made_exports


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


class Client:
    """Asks a service, each time over a new connection."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, path: str, body: bytes | str | None = None, kind: str = "", **headers: str) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body.encode() if isinstance(body, str) else body
        connection.request(
            "GET" if body is None else "POST", path, content, given | ({"Content-Type": kind} if kind else {})
        )
        response = connection.getresponse()
        reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return reply


@contextmanager
def running(
    model: ServedModel, keys: ApiKeys | None = None, rate: float | None = None, **setup: Any
) -> Iterator[Client]:
    """A service in a thread."""
    ending = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def load(folder: Path, metrics: ServiceMetrics) -> Backend:
        served = model if folder == model.folder else load_served(folder, 1)
        return InProcess(served, measured_costs(served), metrics, 1)

    with open_socket("127.0.0.1", 0) as listening:
        work = answer_until(ending, model.folder, listening, Setup(load, Access(keys, rate), **setup))
        thread = threading.Thread(target=lambda: loop.run_until_complete(work), daemon=True)
        thread.start()
        client = Client(listening.getsockname()[1])
        wait_until_ready(client)
        yield client
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lightsmith.serving.server.LAST_REQUESTS_S", 0.02)
            loop.call_soon_threadsafe(ending.set)
            thread.join(20)
    assert not thread.is_alive()
    loop.close()


def wait_until_ready(client: Client) -> None:
    for _ in range(500):
        try:
            if client("/readyz").status == 200:
                return
        except ConnectionError:
            threading.Event().wait(0.02)
    raise AssertionError("the service did not come up")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``folders("photos", answer)``: an exported folder, made once."""
    root = tmp_path_factory.mktemp("exports")
    made: dict[str, Path] = {}

    def find(kind: str, answer: Any = None) -> Path:
        name = f"{kind}-{answer.kind if answer else 'classes'}"
        if name not in made:
            made[name] = getattr(made_exports, kind)(root / name, answer)
        return made[name]

    return find


@pytest.fixture(scope="session")
def photos(folders: Callable[..., Path]) -> Iterator[Client]:
    """A service for images."""
    with running(load_served(folders("photos"), 1)) as client:
        yield client


@pytest.fixture(scope="session")
def texts(folders: Callable[..., Path]) -> Iterator[Client]:
    """A service for texts."""
    with running(load_served(folders("texts"), 1)) as client:
        yield client
