"""The pages of several runs, of a study and of a compression, as a real browser shows them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean, median, stdev

import pytest

from lightsmith.reports.page_file import write_page
from lightsmith.reports.run_page import run_page
from lightsmith.reports.several_page import several_page
from tests.lightsmith.reports.conftest import Browser
from tests.lightsmith.reports.made_runs import CLASSES, record, write_class_run, write_run

VALUES = [0.91, 0.9234567, 0.935, 0.94, 0.95]


def runs(folder: Path, count: int = 5) -> list[Path]:
    """Runs of two groups, which differ in a setting."""
    made = []
    for number in range(count):
        settings = {"model.lr": 0.01} if number % 2 else {}
        content = record(value=VALUES[number % 5], seed=number // 2, settings=settings)
        made.append(write_run(folder / f"20260101-{number:06d}", content, epochs=12))
    return made


def test_runs_groups_and_curves_are_those_of_the_records(tmp_path: Path, browser: Browser) -> None:
    folders = runs(tmp_path / "runs/mnist_mlp")
    write_page(tmp_path / "several.html", several_page(folders, "five"))
    browser.open(tmp_path / "several.html")
    rows = browser.rows("all runs, the best in bold")
    assert [row[2] for row in rows] == [f"{value:.4f}" for value in VALUES]
    assert [row[-1] for row in rows] == ["–", "0.01", "–", "0.01", "–"]
    plain, changed = VALUES[::2], VALUES[1::2]
    best, other = browser.rows("groups")
    assert other[0] == "mnist_mlp model.lr=0.01" or best[0] == "mnist_mlp model.lr=0.01"
    by_name = {row[0]: row[2:] for row in (best, other)}
    for name, values in (("mnist_mlp", plain), ("mnist_mlp model.lr=0.01", changed)):
        figures = (fmean(values), stdev(values), min(values), max(values))
        assert by_name[name] == [f"{figure:.4f}" for figure in figures]
    logged = list(csv.DictReader((folders[0] / "metrics.csv").read_text().splitlines()))
    losses = [f"{float(row['val/loss']):.4f}" for row in logged if row["val/loss"]]
    assert [row[1] for row in browser.rows("val/loss")] == losses
    assert browser.violations() == []
    assert (browser.requests(), browser.complaints()) == ([], [])


def test_an_unfinished_run_is_named_with_its_reason(tmp_path: Path) -> None:
    folders = runs(tmp_path / "runs/mnist_mlp", 2)
    (folders[1] / "results.json").unlink()
    failed = {**json.loads((folders[1] / "status.json").read_text()), "state": "failed", "reason": "out of memory"}
    (folders[1] / "status.json").write_text(json.dumps(failed))
    (section,) = (s for s in several_page(folders, "two")["sections"] if s["title"] == "Not finished")
    (row,) = section["parts"][0]["rows"]
    assert row[1:] == ["failed", "out of memory"]


def test_runs_of_different_headlines_are_refused_by_name(tmp_path: Path) -> None:
    (one,) = runs(tmp_path / "runs/mnist_mlp", 1)
    other = write_run(tmp_path / "runs/value/20260101-000000", record("rmse", 1.0))
    with pytest.raises(ValueError, match=r"is judged by rmse, .* by accuracy: make a report of each kind"):
        several_page([one, other], "both")


@pytest.mark.slow
@pytest.mark.parametrize(("count", "largest"), [(50, 1_500_000), (1000, 5_000_000)])
def test_many_runs_keep_the_page_small(tmp_path: Path, browser: Browser, count: int, largest: int) -> None:
    page = tmp_path / "many.html"
    write_page(page, several_page(runs(tmp_path / "runs/mnist_mlp", count), "many"))
    assert page.stat().st_size <= largest
    browser.open(page)
    assert len(browser.rows("all runs, the best in bold")) == min(count, 100)
    assert (browser.requests(), browser.complaints()) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 50, 1000])
def test_a_page_can_be_used_at_once(tmp_path: Path, browser: Browser, count: int) -> None:
    page = tmp_path / "page.html"
    if count == 1:
        write_page(page, run_page(write_class_run(tmp_path / "runs/mnist_mlp/20260101-000000", CLASSES)))
    else:
        write_page(page, several_page(runs(tmp_path / "runs/mnist_mlp", count), "many"))
    measured = [browser.seconds_until_interactive(page) for _ in range(5)]
    print(f"| page of {count:,} runs | interactive after {median(measured):.2f} s |")
    assert median(measured) <= 2  # half a second on a machine that does nothing else
