from __future__ import annotations

import json
from pathlib import Path

import pytest

from lightsmith.reports.page_file import write_page
from lightsmith.reports.run_list import read_found
from lightsmith.reports.study_page import study_page
from lightsmith.reports.tune_page import tune_page
from lightsmith.studies.study import create_study
from tests.conftest import ROOT
from tests.lightsmith.reports.conftest import Browser
from tests.lightsmith.studies.tuning.found_tuning import found_tuning


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    """The folder of a tune."""
    study = create_study(tmp_path, "tune", [], [ROOT / "experiments/mnist_mlp.yaml"])
    record = {**found_tuning().as_json(), "commands": ['make exp NAME=mnist_mlp ARGS="--model.lr=0.01"']}
    (study.folder / "tune.json").write_text(json.dumps(record))
    return study.folder


def test_a_tune_shows_its_curve_its_batches_and_the_command(tune: Path) -> None:
    found, page = found_tuning(), study_page(tune)
    rate, batch, use = page["sections"]
    curve, facts = rate["parts"]
    assert [len(drawn["xy"]) // 2 for drawn in curve["series"]] == [71, 74], "without the losses that diverge"
    assert [row["value"] for row in facts["rows"]] == [
        *(found.rate, found.suggestions.steepest, found.suggestions.lowest, found.suggestions.valley, 0.003)
    ]
    assert [row[0] for row in batch["parts"][0]["rows"]] == [64, 128, 256, 512, 1024]
    assert batch["parts"][0]["marked"] == 3
    assert use["parts"][0]["text"] == 'make exp NAME=mnist_mlp ARGS="--model.lr=0.01"'


def test_the_page_can_be_read_by_everybody(tune: Path, browser: Browser) -> None:
    write_page(tune / "report.html", tune_page(tune))
    browser.open(tune / "report.html")
    assert len(browser.rows("training loss")) == 74
    assert browser.violations() == []
    assert browser.complaints() == []


def test_a_list_says_what_a_tune_suggests_or_that_it_cannot_be_read(tune: Path) -> None:
    listed = read_found(tune)
    assert (listed.kind, listed.state, listed.seconds) == ("tune", "finished", 6.0)
    assert listed.note == f"suggests model.lr={found_tuning().rate:g}, batches of 512"
    (tune / "tune.json").unlink()
    assert read_found(tune).state == "failed"
    with pytest.raises(ValueError, match="is not what a tune writes"):
        study_page(tune)
