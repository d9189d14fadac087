"""Services to compare: how each is started, and how it is asked."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

import psutil

from lightsmith.load_test.requests import requests_for
from lightsmith.studies.child_runs import CLI

ROOT = Path(__file__).parents[2]
APPS = "benchmarks.serving_rivals"
ENVIRONMENT = ROOT / "data" / "serving-rivals"  # which git ignores
UV = Path(sys.executable).with_name("uv")
PACKAGES = ("litserve==0.2.19", "fastapi==0.165.0", "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0")
SHARED = ("onnxruntime", "numpy", "pillow", "tokenizers")  # in the versions of Lightsmith's lock
LITSERVE_SETTINGS = (
    {"batch": 1},
    {"batch": 1, "workers": 2},
    {"batch": 16, "wait": 0.002},
    {"batch": 16, "wait": 0.002, "servers": 2},
    {"batch": 64, "wait": 0.01},
    {"batch": 16, "wait": 0.002, "workers": 2},
)
LONGEST_START_S = 90.0


class Contender(NamedTuple):
    """A service: its command without a port, and whether its requests are JSON."""

    name: str
    command: list[str]
    in_json: bool = False

    def requests(self, takes: str, bodies: Sequence[bytes]) -> list[bytes]:
        """Whole requests, one an item."""
        if not self.in_json:
            return requests_for(takes, list(bodies), "127.0.0.1", None)
        items = [base64.b64encode(body).decode() if takes == "image" else body.decode() for body in bodies]
        contents = [json.dumps({takes: item}).encode() for item in items]
        head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        return [f"{head}Content-Length: {len(one)}\r\n\r\n".encode() + one for one in contents]


def lightsmith(export: Path, workers: int = 1) -> Contender:
    """Lightsmith as a person starts it, with WORKERS= where there are more than one."""
    command = [sys.executable, str(CLI), "serve", f"--run={export.resolve()}"]
    if workers == 1:
        return Contender("Lightsmith", command)
    return Contender(f"Lightsmith, {workers} workers", [*command, f"--workers={workers}"])


def arrival_order(export: Path) -> Contender:
    """Lightsmith's service with the usual batches."""
    command = [sys.executable, "-m", f"{APPS}.arrival_order", f"--run={export.resolve()}"]
    return Contender("Lightsmith, batches in order of arrival", command)


def fastapi(export: Path) -> Contender:
    """FastAPI and ONNX Runtime, one request at a time."""
    return Contender("FastAPI", [*_python(), "-m", f"{APPS}.fastapi_app", str(export.resolve())])


def litserve(export: Path, settings: dict[str, float]) -> Contender:
    """LitServe with these settings."""
    given = [f"--{name}={value}" for name, value in settings.items()]
    about = ", ".join(f"{name} {value:g}" for name, value in settings.items())
    command = [*_python(), "-m", f"{APPS}.litserve_app", str(export.resolve()), *given]
    return Contender(f"LitServe ({about})", command, in_json=True)


def _python() -> list[str]:
    return [str(ENVIRONMENT / "bin" / "python")]


def install_rivals() -> None:
    """Make the rivals' environment, unless it is there.

    Raises:
        ValueError: the packages cannot be had.
    """
    if (ENVIRONMENT / "complete").is_file():
        return
    lock = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    pinned = [line.split()[0] for line in lock if line.partition("==")[0] in SHARED]
    install = ["pip", "install", "--quiet", "--python", *_python(), *PACKAGES, *pinned]
    for command in (["venv", "--quiet", "--clear", str(ENVIRONMENT)], install):
        if subprocess.run([UV, *command], check=False).returncode:
            raise ValueError(f"the rivals' packages could not be installed into {ENVIRONMENT}")
    (ENVIRONMENT / "complete").touch()


@contextmanager
def started(contender: Contender, request: bytes) -> Iterator[tuple[int, float, psutil.Process]]:
    """A contender's port, the seconds from its start to its first answer, and its process.

    Raises:
        ValueError: it does not answer.
    """
    port, began = _free_port(), time.perf_counter()
    command = [*contender.command, f"--port={port}"]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent, cwd=ROOT, start_new_session=True) as process:
        try:
            _wait_for_answer(contender, port, request, process)
            yield port, time.perf_counter() - began, psutil.Process(process.pid)
        finally:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(process.pid, signal.SIGKILL)  # and the processes that it started


def _wait_for_answer(contender: Contender, port: int, request: bytes, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + LONGEST_START_S
    while time.monotonic() < until and process.poll() is None:
        if _status(port, request) == 200:
            return
        time.sleep(0.02)
    raise ValueError(f"{contender.name} does not answer: {' '.join(contender.command)} --port={port}")


def _status(port: int, request: bytes) -> int:
    """The status of one request's answer, 0 for none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.connect()
        connection.sock.sendall(request)
        answer = connection.response_class(connection.sock, method="POST")
        answer.begin()
        answer.read()
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()
    return answer.status


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def resident_mb(process: psutil.Process) -> float:
    """Memory of a process and those that it started, in 10⁶ bytes."""
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 1e6
