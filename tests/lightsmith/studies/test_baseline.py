"""A run on texts says what the linear baseline gets on the same splits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from datamodules.review_wordpieces import ReviewWordPieces
from lightsmith.studies import baseline
from lightsmith.studies.child_runs import ChildRun
from tests.conftest import Cli

SMALL = ("--loggers=[]", "--trainer.max_epochs=1", "--data.train_size=64", "--model.hidden_size=8")
SHORT = (*SMALL, "--data.max_tokens=16", "--trainer.limit_val_batches=1", "--trainer.limit_test_batches=1")


def test_the_baseline_gets_the_items_of_the_run_and_reads_them_its_own_way() -> None:
    given = ReviewWordPieces(train_size=50, val_fraction=0.2, split_seed=7, text_column="body", max_tokens=16)
    taken = baseline._items_of(given)
    assert {"train_size": 50, "val_fraction": 0.2, "split_seed": 7, "text_column": "body"}.items() <= taken.items()
    assert not {"max_tokens", "tokenizer_of", "batch_size"} & taken.keys()


@pytest.mark.parametrize(
    ("verb", "name", "reason"),
    [("run", "mnist_mlp", "tells classes of texts apart"), ("fit", "mnist_mlp", "fit trains and tests no model")],
)
def test_what_has_no_baseline_is_refused_before_anything_is_written(
    experiment: Cli, tmp_path: Path, verb: str, name: str, reason: str
) -> None:
    outcome = experiment(name, "--loggers=[]", "--baseline=true", verb=verb)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert f"baseline=true: {reason}" in outcome.err.replace("text_linear ", "")
    assert not (tmp_path / "runs").exists()


def test_a_baseline_that_fails_is_a_failure_of_the_run_and_costs_no_figure(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baseline, "run_experiment", lambda *_, **__: ChildRun(1, None, "the disk is full", 1.0))
    outcome = experiment("imdb_lstm", *SHORT, "--baseline=true")
    assert (outcome.code, outcome.err) == (1, "the baseline text_linear failed: the disk is full\n")
    assert (tmp_path / "runs/imdb_lstm/latest/results.json").is_file()


@pytest.mark.slow
def test_the_accuracy_that_is_printed_is_that_of_a_run_on_the_same_splits(experiment: Cli, tmp_path: Path) -> None:
    outcome = experiment("imdb_lstm", *SMALL, "--baseline=true")
    assert (outcome.code, outcome.err) == (0, "")
    own, other = (
        json.loads((tmp_path / f"runs/{name}/latest/results.json").read_text()) for name in ("imdb_lstm", "text_linear")
    )
    assert own["data"]["fingerprint"] == other["data"]["fingerprint"]
    said = re.search(
        r"^baseline +text_linear, same splits: accuracy ([\d.]+), ([\d.]+) points", outcome.out, re.MULTILINE
    )
    assert said is not None, outcome.out
    assert float(said[1]) == pytest.approx(other["test"]["accuracy"], abs=1e-4)
    assert float(said[2]) == pytest.approx(100 * abs(own["test"]["accuracy"] - other["test"]["accuracy"]), abs=0.1)
