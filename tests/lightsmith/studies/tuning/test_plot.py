from __future__ import annotations

from pathlib import Path

from lightsmith.studies.tuning.batch_ladder import BatchLadder
from lightsmith.studies.tuning.plot import plot
from tests.lightsmith.studies.tuning.found_tuning import found_tuning


def test_the_plot_names_the_suggestions_and_is_the_same_each_time(tmp_path: Path) -> None:
    found = found_tuning()
    for name in ("one.svg", "other.svg"):
        plot(found, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text()
    rates = (f"suggested: {found.rate:.2g}", "steepest:", "valley:", "experiment: 0.003")
    for words in (*rates, "mnist_mlp: AdamW, cpu", "model.lr", "pays: 512"):
        assert words in drawn
    assert drawn == (tmp_path / "other.svg").read_text()


def test_a_ladder_without_rungs_can_be_drawn(tmp_path: Path) -> None:
    plot(found_tuning(ladder=BatchLadder([], "memory")), tmp_path / "plot.svg")
    assert "pays" not in (tmp_path / "plot.svg").read_text()
