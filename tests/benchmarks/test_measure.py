"""`make measure` keeps what runs reached, of a clean tree only."""

import json
from pathlib import Path

import pytest

from benchmarks import measure as module
from benchmarks import pages, report
from benchmarks.measure import measure


def test_uncommitted_changes_are_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "git", lambda *command: " M cli.py\n?? x" if command[0] == "status" else "abc1234")
    with pytest.raises(ValueError, match=r"uncommitted changes \(M cli\.py, …\): commit before measuring"):
        measure("mnist_mlp")


@pytest.mark.slow
def test_a_measurement_takes_the_place_of_an_earlier_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "experiments.json"
    for owner in (module, pages):
        monkeypatch.setattr(owner, "EXPERIMENTS_FILE", file)
    monkeypatch.setattr(module, "clean_commit", lambda: "abc1234")
    monkeypatch.setattr(module, "write_pages", lambda: None)
    short = "--trainer.max_epochs=1 --loggers=[csv] --data.train_size=100"
    measure("mnist_mlp", options=f"{short} --model.lr=0.01")
    measured = json.loads(file.read_text())[0]["runs"][0]
    monkeypatch.setattr(module, "_run", lambda *_: measured)
    measure("mnist_mlp", options=short, variant="again")
    measure("mnist_mlp", options=f"{short} --model.lr=0.01")
    kept = json.loads(file.read_text())
    assert [one["variant"] for one in kept] == ["", "again"]
    assert kept[0]["command"] == f'make exp NAME=mnist_mlp ARGS="{short} --model.lr=0.01"'
    assert kept[0]["commit"] == "abc1234"
    (run,) = kept[0]["runs"]
    assert run["headline"] == "accuracy"
    assert run["test"]["n"] == 500
    assert 0 < run["test"]["accuracy"] <= 1
    assert 0 < run["fit_seconds"] < run["seconds"]


def test_mistakes_are_one_line() -> None:
    with pytest.raises(ValueError, match="did you mean mnist_autoencoder, mnist_cnn or mnist_mlp"):
        measure("mnist")
    with pytest.raises(ValueError, match="--seeds=0 must be at least 1"):
        measure("mnist_mlp", seeds=0)
