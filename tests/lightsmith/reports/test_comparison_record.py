from __future__ import annotations

import json
from pathlib import Path

import pytest

from lightsmith.reports.comparison_record import read_comparison
from lightsmith.reports.study_page import study_page
from lightsmith.studies.comparison import compare_runs
from tests.written_runs import write_seeds


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A study of three seeds with its comparison."""
    folder = tmp_path / "mnist_mlp/20260101-000000-seeds"
    runs = write_seeds(folder, range(3), 0.8)
    members = [{"name": run.name, "options": []} for run in runs]
    study = {"schema": 1, "kind": "seeds", "experiment": "mnist_mlp", "typed": [], "settings": [], "options": []}
    (folder / "study.json").write_text(json.dumps({**study, "members": members}))
    (folder / "comparison.json").write_text(json.dumps(compare_runs(runs).as_json()))
    return folder


def test_a_page_of_seeds_shows_the_figures_that_were_recorded_and_makes_none(
    seeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightsmith.reports.comparison_parts.compare_runs", None)
    (group,) = json.loads((seeds / "comparison.json").read_text())["groups"]
    (section,) = (one for one in study_page(seeds)["sections"] if one["title"] == "Comparison")
    ((row,),) = (part["rows"] for part in section["parts"] if part.get("title", "").startswith("groups of equal"))
    assert row[2:] == [3, group["mean"], group["spread"], *group["interval"]]


def test_a_study_of_which_nothing_was_recorded_yet_is_compared_for_the_page(seeds: Path) -> None:
    recorded = study_page(seeds)
    (seeds / "comparison.json").unlink()
    assert read_comparison(seeds) is None
    assert [part["title"] for part in study_page(seeds)["sections"]] == [part["title"] for part in recorded["sections"]]


@pytest.mark.parametrize("content", ["{}", "[]", '{"groups": [1]}', "no JSON"])
def test_another_file_of_that_name_is_refused(seeds: Path, content: str) -> None:
    (seeds / "comparison.json").write_text(content)
    with pytest.raises(ValueError, match=r"comparison\.json is not what a study writes: restore it or remove it"):
        study_page(seeds)
