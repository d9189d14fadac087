from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path

import pytest

from lightsmith.reports.page_file import write_page
from lightsmith.reports.study_page import study_page
from tests.lightsmith.reports.conftest import Browser
from tests.lightsmith.reports.made_runs import write_study


def test_a_sweep_shows_its_history_and_settings_by_the_validation(tmp_path: Path, browser: Browser) -> None:
    study = write_study(tmp_path / "runs/mnist_mlp/20260101-000000-sweep", 6)
    write_page(study / "report.html", study_page(study))
    records = [json.loads((study / f"trial-{n:04d}/results.json").read_text()) for n in range(6)]
    values = [record["best"]["value"] for record in records]
    browser.open(study / "report.html")
    history = browser.rows("history")
    assert [row[2] for row in history[:6]] == [f"{value:.4f}" for value in values]
    assert [row[2] for row in history[6:]] == [f"{value:.4f}" for value in accumulate(values, max)]
    rows = browser.rows("settings of the trials")
    assert [row[2] for row in rows] == ["adamw", "sgd"] * 3
    assert [row[3] for row in rows] == [f"{value:.4f}" for value in values]
    assert "7 runs planned: 6 finished, 1 planned" in browser("return document.querySelector('header').textContent;")
    assert browser.violations() == []
    assert browser.complaints() == []


def test_a_study_that_has_not_begun_is_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path / "20260101-000000-sweep", 0)
    with pytest.raises(ValueError, match="has begun"):
        study_page(study)


def test_the_record_of_a_sweep_counts_where_it_has_one(tmp_path: Path) -> None:
    study = write_study(tmp_path / "20260101-000000-sweep", 2)
    trials = [
        {"name": f"trial-{n}", "value": value, "settings": {"model.lr": 0.1 * (n + 1)}, "outcome": "", "reason": ""}
        for n, value in enumerate([0.5, None, 0.25])
    ]
    record = {"metric": "val/rmse", "direction": "min", "importance": {"a": 0.25, "b": 0.75}, "trials": trials}
    (study / "trials.json").write_text(json.dumps(record))
    (section,) = (section for section in study_page(study)["sections"] if section["title"] == "Search")
    history, importance, lines = section["parts"]
    assert [series["xy"] for series in history["series"]] == [[1, 0.5, 2, 0.25], [1, 0.5, 2, 0.25]]
    assert importance["rows"] == [["b", 0.75], ["a", 0.25]]
    assert lines["lines"] == [[0.1, 0.5], [pytest.approx(0.3), 0.25]]
    (study / "trials.json").write_text("{}")
    with pytest.raises(ValueError, match="is not what a sweep writes"):
        study_page(study)
