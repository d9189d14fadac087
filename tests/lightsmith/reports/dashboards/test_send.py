from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb

from lightsmith.reports.dashboards.board import Board
from lightsmith.reports.dashboards.send import draft, send
from lightsmith.reports.dashboards.spec import read_spec
from lightsmith.runs.failures import RunFailedError
from tests.lightsmith.reports.dashboards.made_boards import metrics_in, write_seeds
from tests.wandb_stub import ENTITY, WandbStub, wandb_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbStub]:
    """A server that somebody is logged in at."""
    wandb.teardown()  # which an earlier test may have left with other settings
    with wandb_server() as stub:
        monkeypatch.setenv("WANDB_BASE_URL", stub.address)
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
        monkeypatch.delenv("WANDB_MODE")
        yield stub
    wandb.teardown()


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(read_spec("seeds"), str(write_seeds(tmp_path / "mnist_mlp/20260101-000000-seeds")))


def test_what_arrives_is_the_draft_and_names_what_the_runs_log(server: WandbStub, board: Board) -> None:
    addresses = send(board, {})
    assert addresses["workspace"].startswith(f"{server.address}/{ENTITY}/lightsmith?nw=")
    assert addresses["report"].startswith(f"{server.address}/{ENTITY}/lightsmith/reports/Seeds:-mnist_mlp-20260101")
    (workspace,), (report,) = server.of_type("project-view"), server.of_type("runs")
    logged = set(board.runs[0].curves)
    assert {"val/accuracy", "val/loss", "train/loss"} <= metrics_in(workspace) <= logged
    assert {"val/accuracy", "val/loss", "train/loss"} <= metrics_in(report) <= logged
    drafted = draft(board)
    sections = workspace["section"]["panelBankConfig"]["sections"]
    expected = drafted["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]
    assert [part["name"] for part in sections] == [part["name"] for part in expected]
    assert server.projects == ["lightsmith"]
    assert '"id": "7"' in json.dumps(report), "its runs are those of the project by its number"


def test_sent_again_it_takes_the_place_of_what_is_there(
    server: WandbStub, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = send(board, {})
    names = [view["displayName"] for view in server.views.values()]
    assert send(board, first) == first
    assert [view["displayName"] for view in server.views.values()] == names
    server.views.clear()  # as if somebody had removed them
    second = send(board, first)
    assert second["workspace"] != first["workspace"]
    assert len(server.views) == 2
    monkeypatch.setenv("WANDB_PROJECT", "another")
    assert f"{server.address}/{ENTITY}/another/reports/" in send(board, second)["report"]
    assert len(server.views) == 4


def test_a_server_that_refuses_is_one_line(server: WandbStub, board: Board) -> None:
    server.refuses = "permission denied"
    with pytest.raises(RunFailedError, match=f"{server.address} did not take it: .*permission denied"):
        send(board, {})


def test_a_server_that_is_down_is_said_to_be(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(RunFailedError, match=r"nothing was sent: http://127\.0\.0\.1:9 does not answer"):
        send(board, {})
