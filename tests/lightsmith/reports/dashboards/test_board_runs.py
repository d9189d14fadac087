from __future__ import annotations

from pathlib import Path

import pytest

from lightsmith.reports.dashboards.board_runs import runs_of, study_of
from lightsmith.reports.dashboards.spec import Spec
from tests.lightsmith.reports.dashboards.made_boards import write_one, write_seeds, write_sweep
from tests.lightsmith.reports.made_runs import write_ledger

RUNS = Path("runs/mnist_mlp")


def about(kind: str) -> Spec:
    return Spec("x", "X", "", kind, (), ())


def test_without_a_choice_it_is_all_runs_or_the_newest_study_of_the_kind() -> None:
    write_one(RUNS / "20260101-000000")
    write_seeds(RUNS / "20260101-000001-seeds", 2)
    write_seeds(RUNS / "20260101-000002-seeds", 3)
    write_sweep(RUNS / "20260101-000003-sweep")
    (RUNS / "latest").symlink_to("20260101-000000")
    assert len(runs_of(about("runs"), None)) == 1 + 2 + 3 + 5
    seeds = runs_of(about("seeds"), None)
    assert {run.place.group for run in seeds} == {"mnist_mlp-20260101-000002-seeds"}
    assert study_of(seeds) == (RUNS / "20260101-000002-seeds").resolve()
    assert [run.settings for run in runs_of(about("sweep"), None)][1] == {"model.lr": 0.1}
    with pytest.raises(ValueError, match="is about folds, of which runs has none: say which --runs"):
        runs_of(about("folds"), None)


def test_the_runs_of_a_compression_are_those_that_trained_its_variants() -> None:
    folder = write_ledger(Path("runs/mnist_mlp-compressed/20260101-000000"))
    for variant in ("dense", "pruned"):
        write_one(folder / "training" / variant / "mnist_mlp" / "20260101-000001")
    for runs in (runs_of(about("compression"), None), runs_of(about("compression"), str(folder))):
        assert [(run.place.job_type, run.place.tags) for run in runs] == [
            ("compression", ("dense",)),
            ("compression", ("pruned",)),
        ]
        assert study_of(runs) == folder.resolve()


def test_runs_of_several_studies_or_alone_are_of_none() -> None:
    write_one(RUNS / "20260101-000000")
    write_seeds(RUNS / "20260101-000001-seeds", 1)
    assert study_of(runs_of(about("runs"), str(RUNS / "20260101-000000"))) is None
    assert study_of(runs_of(about("runs"), None)) is None


def test_no_runs_are_a_mistake_that_says_how_to_make_one() -> None:
    with pytest.raises(ValueError, match="there are no runs in runs: make one first, such as make exp"):
        runs_of(about("runs"), None)
    with pytest.raises(ValueError, match="--runs=nowhere is nowhere"):
        runs_of(about("runs"), "nowhere")
