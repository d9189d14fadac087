from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from lightsmith.reports.dashboards.board import Board
from lightsmith.reports.dashboards.page import board_page
from lightsmith.reports.dashboards.spec import read_spec
from lightsmith.reports.page_file import write_page
from tests.lightsmith.reports.conftest import Browser
from tests.lightsmith.reports.dashboards.made_boards import add_metric, write_one, write_seeds, write_sweep
from tests.lightsmith.reports.made_runs import write_ledger

RUNS = Path("runs/mnist_mlp")


def shown(name: str, patterns: str | None, browser: Browser) -> dict[str, Any]:
    """The figures of a dashboard's page, which is open in the browser and has no fault."""
    figures = board_page(Board(read_spec(name), patterns))
    write_page(Path("page.html"), figures)
    browser.open(Path("page.html"))
    titles = browser("return [...document.querySelectorAll('h2')].map((one) => one.textContent);")
    assert titles == [section.title for section in read_spec(name).sections]
    assert browser.violations() == []
    assert (browser.requests(), browser.complaints()) == ([], [])
    return figures


def test_seeds_beside_each_other_are_those_of_the_records(browser: Browser) -> None:
    study = write_seeds(RUNS / "20260101-000000-seeds")
    shown("seeds", None, browser)
    values = [0.91, 0.92, 0.93]
    (row,) = browser.rows("Test, by group")
    figures = (fmean(values), stdev(values), min(values), max(values))
    assert row == ["mnist_mlp-20260101-000000-seeds", "test/accuracy", "3", *(f"{value:.4f}" for value in figures)]
    rows = browser.rows("Seed by seed")
    assert [row[:4] for row in rows] == [
        [f"seed-{n}", "mnist_mlp-20260101-000000-seeds", "finished", str(n)] for n in (1, 2, 3)
    ]
    assert [row[4] for row in rows] == [f"{value:.4f}" for value in values]
    logged = list(csv.DictReader((study / "seed-2/metrics.csv").read_text().splitlines()))
    losses = [f"{float(row['val/loss']):.4f}" for row in logged if row["val/loss"]]
    assert [row[2] for row in browser.rows("Validation loss") if row[0] == "seed-2"] == losses or browser.rows(
        "Validation loss"
    )[0][2] == losses[0]


def test_a_sweep_shows_its_trials_and_what_its_end_recorded(browser: Browser) -> None:
    write_sweep(RUNS / "20260101-000000-sweep")
    shown("sweep", None, browser)
    assert [row[0] for row in browser.rows("settings of the trials")] == ["trial-0001", "trial-0002", "trial-0003"]
    assert browser.rows("importance: share of the variance over trials") == [["model.lr", "100.00%"]]


@pytest.mark.slow
def test_all_runs_robust_ones_and_a_compression_have_pages_too(browser: Browser) -> None:
    robust = write_one(RUNS / "20260101-000000")
    for name, value in (("robustness/n", 100), ("robustness/clean", 0.9), ("robustness/pgd", 0.25)):
        add_metric(robust, name, value)
    shown("robustness", str(robust), browser)
    rows = browser.rows("Clean and disturbed, by group")
    assert [row[1:4] for row in rows] == [["robustness/clean", "1", "0.9000"], ["robustness/pgd", "1", "0.2500"]]
    shown("overview", None, browser)
    folder = write_ledger(Path("runs/mnist_mlp-compressed/20260101-000000"))
    write_one(folder / "training/dense/mnist_mlp/20260101-000001")
    shown("compression", None, browser)
    assert [row[0] for row in browser.rows("variants, the recommended one in bold")][:2] == ["dense", "pruned"]
    assert browser.rows("Variant by variant")[0][0] == "dense"


def test_a_run_that_goes_on_is_shown_as_far_as_it_is() -> None:
    write_one(RUNS / "20260101-000000")
    going = write_one(RUNS / "20260101-000001", tested=False)
    (going / "results.json").unlink()
    status = (going / "status.json").read_text()
    (going / "status.json").write_text(status.replace("finished", "failed"))
    page = board_page(Board(read_spec("overview")))
    assert page["lead"][1] == "runs: 1 finished, 1 failed · groups: 1"


def test_the_same_runs_give_the_same_page() -> None:
    write_seeds(RUNS / "20260101-000000-seeds")
    for name in ("seeds", "overview"):
        assert board_page(Board(read_spec(name))) == board_page(Board(read_spec(name)))
