"""The page of one run, as a real browser shows it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from lightsmith.reports.page_file import write_page
from lightsmith.reports.run_page import run_page
from tests.lightsmith.reports.conftest import Browser
from tests.lightsmith.reports.made_runs import CLASSES, HOSTILE, write_class_run, write_value_run

NAMES = CLASSES + HOSTILE


def page_of(run: Path) -> Path:
    page = run / "report.html"
    write_page(page, run_page(run))
    return page


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_class_run(tmp_path_factory.mktemp("runs") / "mnist_mlp/20260101-000000", NAMES)


@pytest.fixture(scope="module")
def page(run: Path) -> Path:
    return page_of(run)


def value_at(content: Any, key: str) -> Any:
    for name in key.split("."):
        content = content[name]
    return content


def test_every_figure_is_that_of_the_record(page: Path, run: Path, browser: Browser) -> None:
    browser.open(page)
    script = """
        const figures = [...document.querySelectorAll("data[data-key]")];
        return figures.map((one) => [one.dataset.key, one.value, one.textContent]);
    """
    content = json.loads((run / "results.json").read_text())
    shown = {key: (exact, text) for key, exact, text in browser(script)}
    assert {
        "headline.value",
        "test.n",
        "test.accuracy",
        "best.epoch",
        "fit.seconds",
        "fit.peak_memory_bytes",
    } <= shown.keys()
    for key, (exact, _) in shown.items():
        recorded = (
            value_at(content, key) if not key.startswith("environment.") else content["environment"].get(key[12:])
        )
        assert exact == ("" if recorded is None else str(recorded)), key
    assert shown["test.accuracy"][1] == f"{content['test']['accuracy']:.4f}" == shown["headline.value"][1]
    assert (shown["fit.seconds"][1], shown["fit.samples_per_second"][1]) == ("12.3 s", "1,296/s")
    assert (shown["fit.peak_memory_bytes"][1], shown["model.parameters"][1]) == ("0.9 GB", "235,146")
    assert "95%: 0.8123 to 0.9321" in browser("return document.querySelector('.headline').textContent;")


def test_curves_classes_and_confusions_are_those_of_their_files(page: Path, run: Path, browser: Browser) -> None:
    browser.open(page)
    logged = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    train, val = ([float(row[name]) for row in logged if row[name]] for name in ("train/loss", "val/loss"))
    expected = [[str(n), f"{a:.4f}", f"{b:.4f}"] for n, (a, b) in enumerate(zip(train, val, strict=True), 1)]
    assert browser.rows("loss") == expected
    rates = [[row["step"], f"{float(row['train/lr']):.4g}"] for row in logged if row["train/lr"]]
    assert browser.rows("learning rate") == rates
    classes = json.loads((run / "results.json").read_text())["per_class"]
    assert browser.rows("figures of each class") == [
        [one["class"], str(one["n"]), *(f"{one[name]:.4f}" for name in ("precision", "recall", "f1"))]
        for one in classes
    ]
    heading, *rows = csv.reader(io.StringIO((run / "confusion_matrix.csv").read_text("utf-8-sig"), newline=""))
    counted = [[name, *("" if cell == "0" else cell for cell in cells)] for name, *cells in rows]
    assert browser.rows("Rows: true class. Columns: what the model said.") == counted
    assert heading[1:] == NAMES


def test_calibration_risk_and_threshold_are_those_of_the_predictions(page: Path, run: Path, browser: Browser) -> None:
    table = pq.read_table(run / "predictions/test.parquet")
    shares = np.stack([table[f"probability_{name}"].to_numpy() for name in NAMES], 1).astype(float)
    right = np.array([NAMES[place] for place in shares.argmax(1)]) == np.array(table["label"].to_pylist())
    sure = shares.max(1)
    error = 0.0
    for low in np.arange(15) / 15:
        held = (sure >= low) & (sure < low + 1 / 15)
        error += held.mean() * abs(right[held].mean() - sure[held].mean()) if held.any() else 0
    browser.open(page)
    script = "return [...document.querySelectorAll('dl > div')].map((a) => [...a.children].map((b) => b.textContent));"
    facts = dict(browser(script))
    assert facts["expected calibration error (ECE)"] == f"{error:.4f}"
    ordered = right[np.argsort(-sure)]
    risks = np.cumsum(~ordered) / np.arange(1, len(right) + 1)
    assert facts["mean risk over all coverages (AURC)"] == f"{risks.mean():.4f}"
    browser.show_all()
    assert browser.rows("risk over coverage")[-1] == ["1.0000", f"{1 - right.mean():.4f}"]
    browser("""
        const slider = document.querySelector("input[type=range]");
        slider.value = 40;
        slider.dispatchEvent(new Event("input"));
    """)
    command = browser("return document.querySelector('section pre code').textContent;")
    threshold = float(command.rpartition("THRESHOLD=")[2])
    answered = sure >= threshold
    said = browser("return document.querySelector('input[type=range]').closest('section').textContent;")
    assert f"answers {answered.mean():.2%} of the test items ({answered.sum()} of 300)" in said
    assert f"{1 - right[answered].mean():.2%} of these answers are wrong ({(~right[answered]).sum()})" in said


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (390, "dark")])
def test_it_asks_for_nothing_complains_of_nothing_and_breaks_no_rule_of_accessibility(
    page: Path, browser: Browser, width: int, scheme: str
) -> None:
    browser.open(page, width, scheme)
    assert browser("return matchMedia('(prefers-color-scheme: dark)').matches;") == (scheme == "dark")
    assert browser.violations() == []
    assert browser("return document.documentElement.scrollWidth <= innerWidth;")
    assert browser.requests() == []
    assert browser.complaints() == []


def test_names_and_texts_from_data_stay_text(page: Path, browser: Browser) -> None:
    browser.open(page)
    for text in HOSTILE:
        assert browser("return document.querySelector('main').textContent.includes(arguments[0]);", text)
    assert browser("return document.querySelectorAll('img[src=x], main b').length;") == 0


def test_the_policy_lets_nothing_run_that_is_not_the_pages_own(page: Path, browser: Browser) -> None:
    browser.open(page)
    browser("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"window.ran = 1\">');")
    browser(
        "const own = document.createElement('script'); own.textContent = 'window.ran = 2'; document.body.append(own);"
    )
    assert browser("return window.ran ?? null;") is None
    assert any("Content Security Policy" in line for line in browser.complaints())


def test_tables_are_sorted_and_searched_from_the_keyboard(page: Path, browser: Browser) -> None:
    browser.open(page)
    script = """
        const tables = [...document.querySelectorAll("table")];
        const table = tables.find((one) => one.caption.textContent === "figures of each class");
        table.tHead.querySelectorAll("button")[4].click();
        return table.tHead.rows[0].cells[4].getAttribute("aria-sort");
    """
    assert browser(script) == "descending"
    figures = [float(row[4]) for row in browser.rows("figures of each class")]
    assert figures == sorted(figures, reverse=True)
    arrow = """
        const chart = document.querySelector("figure svg");
        for (let n = 0; n < 2; n += 1) chart.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
        return chart.closest("figure").querySelector("output").textContent;
    """
    assert browser(arrow).startswith("epoch 2: train/loss ")


def test_the_same_run_gives_the_same_bytes(page: Path, run: Path) -> None:
    before = page.read_bytes()
    assert page_of(run).read_bytes() == before


@pytest.mark.slow
def test_a_thousand_classes_are_shown_in_parts_and_keep_the_page_small(tmp_path: Path, browser: Browser) -> None:
    run = write_class_run(tmp_path / "runs/many/20260101-000000", [f"class {n}" for n in range(1000)], 3000)
    page = page_of(run)
    assert page.stat().st_size < 400_000
    browser.open(page)
    matrix = "Rows: true class. Columns: what the model said."
    assert len(browser.rows(matrix)) == 25
    first = browser.rows(matrix)[0][0]
    browser("[...document.querySelectorAll('button')].find((one) => one.textContent === 'Next').click();")
    assert browser.rows(matrix)[0][0] != first
    assert len(browser.rows("figures of each class")) == 100


def test_a_regression_shows_values_residuals_and_how_many_intervals_hold(tmp_path: Path, browser: Browser) -> None:
    run = write_value_run(tmp_path / "runs/value/20260101-000000")
    table = pq.read_table(run / "predictions/test.parquet")
    label, low, high = (table[name].to_numpy().astype(float) for name in ("label", "low", "high"))
    browser.open(page_of(run))
    assert f"{((low <= label) & (label <= high)).mean():.2%}" in browser(
        "return document.querySelector('main').textContent;"
    )
    assert sum(int(row[1]) for row in browser.rows("residuals")) == 200
    assert len(browser.rows("predicted over true")) == 100  # of 200: the first hundred
    assert browser.violations() == []


def test_a_run_without_predictions_tables_and_metrics_has_a_page(tmp_path: Path) -> None:
    run = write_class_run(tmp_path / "runs/mnist_mlp/20260101-000000", NAMES)
    for file in ("metrics.csv", "confusion_matrix.csv", "worst_predictions.csv", "predictions/test.parquet"):
        (run / file).unlink()
    titles = [section["title"] for section in run_page(run)["sections"]]
    assert {"Test", "Settings", "Data", "Cost"} <= set(titles)


def test_a_matrix_of_other_classes_is_refused_in_one_line(tmp_path: Path) -> None:
    run = write_class_run(tmp_path / "runs/mnist_mlp/20260101-000000", NAMES)
    (run / "confusion_matrix.csv").write_text("label,other\nother,3\n")
    with pytest.raises(ValueError, match="does not count the classes of results"):
        run_page(run)
