from __future__ import annotations

import json
from pathlib import Path

import pytest

from lightsmith.reports.study_page import study_page
from lightsmith.reports.sweep_record import read_sweep
from lightsmith.studies.comparison import compare_runs
from tests.lightsmith.reports.dashboards.made_boards import write_sweep
from tests.written_runs import write_seeds


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return write_sweep(tmp_path / "mnist_mlp/20260101-000000-sweep")


def test_before_its_end_a_sweep_has_no_record(sweep: Path) -> None:
    (sweep / "trials.json").unlink()
    assert read_sweep(sweep) is None


def test_trials_have_their_settings_and_those_with_a_figure_count(sweep: Path) -> None:
    content = json.loads((sweep / "trials.json").read_text())
    content["trials"][1]["value"] = None
    (sweep / "trials.json").write_text(json.dumps(content))
    record = read_sweep(sweep)
    assert record is not None
    assert [trial.name for trial in record.trials] == ["trial-0001", "trial-0003"]
    assert record.drawn["trial-0002"] == {"model.lr": 0.01}
    assert (record.direction, record.importance, record.comparison) == ("max", {"model.lr": 1.0}, None)


def test_a_page_shows_the_comparison_that_was_recorded_and_makes_none(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [
        *write_seeds(sweep / "a", range(3), 0.8),
        *write_seeds(sweep / "b", range(3), 0.9, settings={"model.lr": 1}),
    ]
    content = json.loads((sweep / "trials.json").read_text())
    (sweep / "trials.json").write_text(json.dumps({**content, "comparison": compare_runs(runs).as_json()}))
    monkeypatch.setattr("lightsmith.reports.comparison_parts.compare_runs", None)
    page = study_page(sweep)
    (section,) = (one for one in page["sections"] if one["title"] == "Comparison")
    assert section["parts"][0]["text"].startswith("B is better than A by")
    tables = [part["rows"] for one in page["sections"] for part in one["parts"] if part["kind"] == "table"]
    assert not any("holds no results.json" in str(rows) for rows in tables), "trials are not tested"


@pytest.mark.parametrize("content", ["{}", "[]", '{"trials": [1]}', "no JSON"])
def test_another_file_of_that_name_is_refused(sweep: Path, content: str) -> None:
    (sweep / "trials.json").write_text(content)
    with pytest.raises(ValueError, match="is not what a sweep writes: restore it or remove it"):
        read_sweep(sweep)
