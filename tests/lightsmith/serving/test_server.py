"""A service ends without losing an answer, and holds nobody's connection for ever."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import numpy as np
import psutil
import pytest

from lightsmith.serving import server
from lightsmith.serving.served_model import load_served
from tests.commands.test_serve import serving
from tests.lightsmith.serving.conftest import Client, running
from tests.lightsmith.serving.test_application import png
from tests.odd_items import odd_images


class Load:
    """Clients that ask again and again over kept connections, and note what became of each request.

    Attributes:
        lost: requests over an open connection that got no answer.
        refused: those that were answered otherwise than with a prediction.
    """

    def __init__(self, port: int, clients: int) -> None:
        self.port, self.answered, self.lost, self.refused = port, 0, 0, 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.connect()
        except OSError:
            return
        while not self.stop.is_set():
            try:
                connection.request("POST", "/predict", png(), {"Content-Type": "image/png"})
                response = connection.getresponse()
                response.read()
            except (OSError, HTTPException):
                self.lost += 1
                return
            self.answered += response.status == 200
            self.refused += response.status != 200
            if response.getheader("Connection") == "close":
                return
        connection.close()

    def join(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(20)


def drain_under_load(folder: Path, before_s: float) -> None:
    with serving(folder) as started:
        load = Load(started.client.port, 8)
        time.sleep(before_s)
        code, _, err = started.end()
        load.join()
    assert (code, load.lost, err.count("\n")) == (0, 0, 1)
    assert load.answered > 0


def test_a_signal_under_load_loses_no_answer(folders: Callable[..., Path]) -> None:
    drain_under_load(folders("photos"), 0.3)


@pytest.mark.slow
def test_twenty_signals_under_load_lose_no_answer(folders: Callable[..., Path]) -> None:
    for seed in range(20):
        drain_under_load(folders("photos"), float(np.random.default_rng(seed).uniform(0.05, 1.0)))


@pytest.mark.slow
def test_a_second_signal_ends_at_once(folders: Callable[..., Path]) -> None:
    with serving(folders("photos")) as started, socket.create_connection(("127.0.0.1", started.client.port)) as slow:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\n")
        time.sleep(0.3)
        started.process.send_signal(signal.SIGTERM)
        time.sleep(1.5)
        assert started.process.poll() is None
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(2) == 128 + signal.SIGTERM


def closed_after(port: int, beginning: bytes, every_s: float = 0.05) -> float:
    """Seconds until the server has closed a connection that sends one more byte now and then."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.settimeout(every_s)
        slow.sendall(beginning)
        while time.monotonic() - started < 20:
            try:
                slow.sendall(b"a")
                if slow.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    return time.monotonic() - started


def test_headers_and_bodies_that_do_not_come_hold_no_connection(
    folders: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr("lightsmith.serving.bodies.BODY_SECONDS", 0.3)
    monkeypatch.setattr(server, "LINGER_SECONDS", 0.1)
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n"
    with running(load_served(folders("photos"), 1)) as client:
        for beginning in (b"GET /", b"GET /healthz HTTP/1.1\r\nX-Slow: ", head + b"\r\n"):
            assert 0.2 < closed_after(client.port, beginning) < 3
        assert client("/healthz").status == 200


def test_a_connection_too_many_is_told_so(folders: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 5)
    with running(load_served(folders("photos"), 1)) as client:
        held = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(5)]
        time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", client.port)) as extra:
            assert extra.recv(1000).startswith(b"HTTP/1.1 503 ")
        for connection in held:
            connection.close()
        time.sleep(0.1)
        assert client("/healthz").status == 200


def test_a_huge_header_is_refused_and_not_logged(photos: Client, capfd: pytest.CaptureFixture[str]) -> None:
    assert photos("/healthz", X_Long="a" * 20_000).status == 400
    assert photos("/healthz", X_Bad="a\0b").status == 400
    assert capfd.readouterr() == ("", "")
    assert photos("/healthz").status == 200


@pytest.mark.slow
def test_hostile_images_and_bodies_are_refused_within_memory(folders: Callable[..., Path]) -> None:
    statuses: dict[int, int] = {}
    with serving(folders("photos")) as started:
        process = psutil.Process(started.process.pid)
        before = process.memory_info().rss
        rng = np.random.default_rng(0)
        kinds = ["image/png", "application/json", "application/octet-stream", "text/plain", "image/jpeg"]
        bodies = [content for _, content in odd_images()] + [rng.bytes(int(n)) for n in rng.integers(1, 5000, 200)]
        for number, body in enumerate(bodies):
            reply = started.client("/predict", body, kinds[number % 5])
            statuses[reply.status] = statuses.get(reply.status, 0) + 1
            batch = started.client(
                "/predict/batch", body, ["application/jsonl", "multipart/form-data; boundary=b"][number % 2]
            )
            statuses[batch.status] = statuses.get(batch.status, 0) + 1
        grown = process.memory_info().rss - before
        code, _, err = started.end()
    assert not any(status >= 500 for status in statuses), statuses
    assert statuses[200] > 20
    assert (code, err.count("\n")) == (0, 1), err
    assert grown < 200e6
