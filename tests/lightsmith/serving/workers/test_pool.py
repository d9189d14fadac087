"""A worker that dies takes no request with it, and the process before the workers knows no model."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.commands.test_serve import Server, serving
from tests.lightsmith.serving.conftest import Reply
from tests.lightsmith.serving.test_application import png
from tests.lightsmith.serving.test_server import Load


def workers_of(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def wait_for_workers(server: Server, count: int) -> None:
    for _ in range(500):
        if "lightsmith_workers_ready " + str(count) in server.client("/metrics").body.decode():
            return
        time.sleep(0.02)
    raise AssertionError("the workers did not come back")


def kill_under_load(server: Server, pause_s: float) -> None:
    """Kill a worker while clients ask over kept connections."""
    load = Load(server.client.port, 8)
    time.sleep(pause_s)
    victim = workers_of(server)[0]
    victim.kill()
    time.sleep(0.2)
    wait_for_workers(server, 2)
    load.join()
    assert (load.lost, load.refused) == (0, 0)
    assert load.answered > 8
    assert not victim.is_running()


def test_a_killed_worker_loses_no_request_and_is_replaced(folders: Callable[..., Path]) -> None:
    with serving(folders("photos"), "--workers=2") as server:
        mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "onnxruntime" not in mapped
        assert "libtorch" not in mapped
        assert server.client("/predict", png(), "image/png").json.keys() == {"prediction", "probabilities"}
        kill_under_load(server, 0.3)
        metrics = server.client("/metrics").body.decode()
        workers = workers_of(server)
        code, out, err = server.end()
    assert "lightsmith_worker_deaths_total 1\n" in metrics
    assert (code, out) == (0, "imported []\n")
    assert "ended by SIGKILL; another one takes its place\n" in err
    assert not any(worker.is_running() for worker in workers)


@pytest.mark.slow
def test_twenty_killed_workers_lose_no_request(folders: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    with serving(folders("photos"), "--workers=2") as server:
        for _ in range(20):
            kill_under_load(server, float(rng.uniform(0.05, 0.5)))
        assert "lightsmith_worker_deaths_total 20\n" in server.client("/metrics").body.decode()
        code, _, err = server.end()
    assert (code, err.count("another one takes its place")) == (0, 20)


@pytest.mark.slow
def test_an_item_that_two_workers_die_of_is_refused_and_asked_again_of_no_third(folders: Callable[..., Path]) -> None:
    replies: list[Reply] = []
    with serving(folders("photos"), "--workers=2") as server:
        first, second = workers_of(server)
        for worker in (first, second):
            worker.suspend()
        asking = threading.Thread(target=lambda: replies.append(server.client("/predict", png(), "image/png")))
        asking.start()
        time.sleep(0.3)
        for worker in (first, second):
            worker.kill()
            time.sleep(0.1)
        asking.join(10)
        wait_for_workers(server, 2)
        assert server.client("/predict", png(), "image/png").status == 200
    (reply,) = replies
    assert (reply.status, reply.json["reason"], reply.headers["retry-after"]) == (503, "worker_died", "1")


@pytest.mark.slow
def test_without_a_worker_the_service_is_not_ready_and_keeps_what_it_accepted(folders: Callable[..., Path]) -> None:
    replies: list[Reply] = []
    with serving(folders("photos"), "--workers=1") as server:
        workers_of(server)[0].kill()
        time.sleep(0.1)
        ready = server.client("/readyz")
        asking = threading.Thread(target=lambda: replies.append(server.client("/predict", png(), "image/png")))
        asking.start()
        assert server.client("/healthz").status == 200
        asking.join(10)
        assert (ready.status, ready.json["reason"], replies[0].status) == (503, "no_worker", 200)
        assert server.client("/readyz").status == 200


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_workers_do_not_outlive_the_process_that_asks_them(folders: Callable[..., Path], end: signal.Signals) -> None:
    with serving(folders("photos"), "--workers=2") as server:
        workers = workers_of(server)
        for worker in workers:  # as a terminal or a service manager signals all of a group
            worker.send_signal(signal.SIGTERM)
            worker.send_signal(signal.SIGINT)
        assert server.client("/predict", png(), "image/png").status == 200
        server.process.send_signal(end)
        assert psutil.wait_procs(workers, 5)[1] == []
        assert server.process.wait(5) in (0, -signal.SIGKILL)


@pytest.mark.slow
def test_a_signal_under_load_drains_all_workers(folders: Callable[..., Path]) -> None:
    with serving(folders("photos"), "--workers=2") as server:
        load = Load(server.client.port, 8)
        time.sleep(0.5)
        code, _, err = server.end()
        load.join()
    assert (code, load.lost, load.refused, err.count("\n")) == (0, 0, 0, 1)
    assert load.answered > 8


def wait_for_a_start_that_fails(server: Server, known: set[int]) -> None:
    started: set[int] = set()
    for _ in range(1500):
        now = {worker.pid for worker in workers_of(server)}
        started |= now - known
        if started - now:
            return
        time.sleep(0.02)
    raise AssertionError("no worker was started")


@pytest.mark.slow
def test_a_worker_that_cannot_be_replaced_is_tried_again(folders: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(folders("photos"), folder)
    with serving(folder, "--workers=2") as server:
        folder.rename(tmp_path / "away")
        first = workers_of(server)
        first[0].kill()
        wait_for_a_start_that_fails(server, {worker.pid for worker in first})
        assert server.client("/predict", png(), "image/png").status == 200
        (tmp_path / "away").rename(folder)
        wait_for_workers(server, 2)
        _, _, err = server.end()
    assert "worker 1 cannot be replaced: " in err
    assert "; tried again in 0.5 s\n" in err


@pytest.mark.slow
def test_a_worker_that_hangs_is_asked_no_more_and_replaced(folders: Callable[..., Path]) -> None:
    with serving(folders("photos"), "--workers=2") as server:
        hung = workers_of(server)[0]
        hung.suspend()
        try:
            statuses = ask_until_replaced(server)
        finally:
            with suppress(psutil.NoSuchProcess):
                hung.kill()
        wait_for_workers(server, 2)
        assert server.client("/predict", png(), "image/png").status == 200
    assert statuses.count(200) > statuses.count(503)
    assert set(statuses) == {200, 503}


def ask_until_replaced(server: Server) -> list[int]:
    """The statuses of requests, one after another, until a worker has died."""
    statuses: list[int] = []
    ends = time.monotonic() + 30
    while "lightsmith_worker_deaths_total 1" not in server.client("/metrics").body.decode():
        assert time.monotonic() < ends, statuses
        statuses.append(server.client("/predict", png(), "image/png", X_Deadline_Ms="1000").status)
        time.sleep(0.1)
    return statuses
