import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lightsmith.records.parts import Headline
from lightsmith.records.results import write_results
from lightsmith.records.status import write_status
from lightsmith.studies.folds import create_folds, report_folds
from lightsmith.studies.study import Study
from tests.lightsmith.records.test_results import RESULTS


@pytest.mark.parametrize(
    ("name", "folds", "line"),
    [
        ("mnist_mpl", 5, "no experiment 'mnist_mpl'; did you mean mnist_mlp"),
        ("mnist_mlp", 1, "--folds=1 must lie between 2 and 1000"),
        ("mnist_mlp", 1001, "--folds=1001 must lie between"),
    ],
)
def test_folds_that_cannot_be_are_one_line_and_nothing_is_written(name: str, folds: int, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        create_folds(name, folds, [1], [], [])
    assert not Path("runs").exists()


def finished(study: Study, values: dict[str, float]) -> None:
    """Let members have finished with these accuracies and two predictions each."""
    for member in study.members:
        if member.name in values:
            folder = study.folder_of(member)
            (folder / "predictions").mkdir(parents=True)
            value, seed = values[member.name], int(member.name[-1])
            test = replace(RESULTS.test, n=2)
            write_results(replace(RESULTS, headline=Headline("accuracy", value, "max"), seed=seed, test=test), folder)
            columns = {"index": [0, 1], "id": [f"{folder.name}-{n}" for n in (0, 1)], "item": ["a", "b"]}
            table = pa.table({**columns, "label": ["x", "y"], "probability_x": pa.array([0.9, 0.2], pa.float32())})
            pq.write_table(table, folder / "predictions/test.parquet")
            write_status(folder, "finished")


def test_what_each_fold_got_and_every_item_is_written_into_the_study(capsys: pytest.CaptureFixture[str]) -> None:
    study = create_folds("mnist_mlp", 2, [1, 2], ["--folds=2"], ["--data.source=sample"])
    assert [member.name for member in study.members] == [
        "fold-1-seed-1",
        "fold-2-seed-1",
        "fold-1-seed-2",
        "fold-2-seed-2",
    ]
    assert study.members[3].options == ["--data.fold=2/2", "--seed_everything=2"]
    finished(study, {"fold-1-seed-1": 0.5, "fold-2-seed-1": 0.75, "fold-1-seed-2": 0.5})
    report_folds(study)
    assert "3 of 4 runs finished" in capsys.readouterr().out
    assert not (study.folder / "folds.json").exists()
    finished(study, {"fold-2-seed-2": 1.0})
    report_folds(study)
    figures = json.loads((study.folder / "folds.json").read_text())
    assert (figures["metric"], figures["items"], figures["mean"]) == ("accuracy", 4, 0.6875)
    assert figures["spread"] == pytest.approx(0.375 / 2**0.5)
    assert [(row["fold"], row["seed"], row["value"]) for row in figures["runs"]][3] == (2, 2, 1.0)
    assert "accuracy 68.75% over all folds, which spread by 26.52 points of accuracy" in capsys.readouterr().out
    table = pq.read_table(study.folder / "predictions.parquet")
    assert table.column_names == ["id", "item", "seed", "fold", "label", "probability_x"]
    assert table.column("fold").to_pylist() == [1, 1, 2, 2] * 2
    assert table.column("seed").to_pylist() == [1] * 4 + [2] * 4
