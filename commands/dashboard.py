"""`dashboard`: one YAML as a page, and as a workspace and report of Weights & Biases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightsmith.replace_file import replace_json
from lightsmith.reports.dashboards.board import Board
from lightsmith.reports.dashboards.page import board_page
from lightsmith.reports.dashboards.spec import read_spec
from lightsmith.reports.page_file import check_page, write_page
from lightsmith.run_folder import check_writable
from lightsmith.terminal import printable, shown
from lightsmith.tracking.login import wandb_mode

HOME = Path("runs/dashboards")
RECORD, SENT = ".json", "sent"  # the file of what is sent, and of the addresses in it


def dashboard(name: str = "overview", runs: str | None = None, output: Path | None = None) -> None:
    """Show runs as a dashboard says: on a page, and at Weights & Biases where somebody is logged in.

    Args:
        name: of experiments/_dashboards, or a YAML file of your own.
        runs: folders or patterns, in quotes: "runs/a/* runs/b/*", or a study's; when unset, all runs, or the newest
            study that the dashboard is about.
        output: the page, a file that ends in .html; a .json beside it has what is or would be sent. When unset, both
            lie in the study's folder, or in runs/dashboards.

    Raises:
        ValueError: no such dashboard, a mistake in it, no such runs, a metric that none of them logs, or a file that
            cannot be written.
        RunFailedError: the server does not take it.
    """
    if output is not None:
        check_page(output)
    board = Board(read_spec(name), runs)
    page = (output or _place(board)).resolve()
    check_writable(page.parent, "output")
    from lightsmith.reports.dashboards.send import draft, send  # wandb takes seconds to import

    figures, views, record = board_page(board), draft(board), page.with_suffix(RECORD)
    page.parent.mkdir(parents=True, exist_ok=True)
    write_page(page, figures)
    earlier = _earlier(record)
    replace_json(record, {**views, SENT: earlier})
    print(printable(f"page       {shown(page)}"), flush=True)
    if wandb_mode() != "online":
        print(printable(f"W&B        offline; what would be sent is in {shown(record)}"))
        print("to send    .venv/bin/wandb login, then .venv/bin/wandb sync of the runs, then this command again")
        return
    sent = send(board, earlier)
    replace_json(record, {**views, SENT: sent})
    for kind, address in sent.items():
        print(f"{kind:<10} {address}")


def _place(board: Board) -> Path:
    """The folder of the study that all runs are of, or the one of dashboards."""
    if board.study is None:
        return HOME / f"{board.spec.name}.html"
    return board.study / f"dashboard-{board.spec.name}.html"


def _earlier(record: Path) -> dict[str, str]:
    """The addresses that an earlier version was sent to; none if it was not, or its file is damaged."""
    try:
        sent: Any = json.loads(record.read_text(encoding="utf-8"))[SENT]
        return {str(kind): str(address) for kind, address in sent.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
