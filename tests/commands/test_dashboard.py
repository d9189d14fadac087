from __future__ import annotations

import json
from pathlib import Path

import pytest
import wandb

from tests.conftest import Cli
from tests.lightsmith.reports.dashboards.made_boards import write_one, write_seeds
from tests.wandb_stub import wandb_server

RUNS = Path("runs/mnist_mlp")


def test_without_a_login_it_writes_a_page_and_what_would_be_sent(lightsmith: Cli) -> None:
    write_one(RUNS / "20260101-000000")
    outcome = lightsmith("dashboard")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "page       runs/dashboards/overview.html\n"
        "W&B        offline; what would be sent is in runs/dashboards/overview.json\n"
        "to send    .venv/bin/wandb login, then .venv/bin/wandb sync of the runs, then this command again\n"
    )
    record = json.loads(Path("runs/dashboards/overview.json").read_text())
    assert (record["workspace"]["project"], record["report"]["displayName"]) == ("lightsmith", "Overview")
    assert "Overview</title>" in Path("runs/dashboards/overview.html").read_text()


def test_a_studys_dashboard_lies_in_its_folder_and_an_output_where_it_is_asked_for(lightsmith: Cli) -> None:
    study = write_seeds(RUNS / "20260101-000000-seeds")
    assert lightsmith("dashboard", "--name=seeds").code == 0
    assert {"dashboard-seeds.html", "dashboard-seeds.json"} <= {path.name for path in study.iterdir()}
    assert lightsmith("dashboard", "--name=overview", f"--runs={study}/seed-*", "--output=mine.html").code == 0
    assert {"mine.html", "mine.json"} <= {path.name for path in Path().iterdir()}


def test_with_a_login_it_prints_the_addresses_and_replaces_what_it_sent(
    lightsmith: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_one(RUNS / "20260101-000000")
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    wandb.teardown()
    with wandb_server() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        first = lightsmith("dashboard")
        again = lightsmith("dashboard")
        wandb.teardown()
    assert (first.code, first.err, again.out) == (0, "", first.out)
    page, workspace, report = first.out.splitlines()
    assert page == "page       runs/dashboards/overview.html"
    assert workspace.startswith(f"workspace  {server.address}/somebody/lightsmith?nw=")
    assert report.startswith(f"report     {server.address}/somebody/lightsmith/reports/Overview--")
    assert len(server.views) == 2


def test_a_server_that_is_down_is_one_line_and_leaves_what_was_to_be_sent(
    lightsmith: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_one(RUNS / "20260101-000000")
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    outcome = lightsmith("dashboard")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "nothing was sent: http://127.0.0.1:9 does not answer" in outcome.err
    assert Path("runs/dashboards/overview.json").is_file()
    assert outcome.out.startswith("page       runs/dashboards/overview.html\n")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--name=overviews",), "--name=overviews is no dashboard; did you mean overview?"),
        (("--name=mine.yaml",), "mine.yaml: A, panel 1: panel=curve is not one of"),
        (
            ("--name=other.yaml",),
            "other: val/acc is logged by none of these runs; did you mean val/accuracy?",
        ),
        (("--name=sweep",), "is about sweep, of which runs has none"),
        (("--runs=nowhere",), "--runs=nowhere is nowhere"),
        (("--output=x.pdf",), "--output=x.pdf must be a file that ends in .html"),
        (("--output=no/x.html",), "cannot be written, or is not there"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(lightsmith: Cli, options: tuple[str, ...], line: str) -> None:
    write_one(RUNS / "20260101-000000")
    sections = "title: A\nsections: [{title: A, panels: [{panel: %s, metrics: [val/acc]}]}]"
    Path("mine.yaml").write_text(sections % "curve")
    Path("other.yaml").write_text(sections % "curves")
    before = sorted(Path().rglob("*"))
    outcome = lightsmith("dashboard", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert line in outcome.err
    assert outcome.err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before
