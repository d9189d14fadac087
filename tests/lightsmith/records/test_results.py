import json
from pathlib import Path
from typing import Any

import pytest

from lightsmith.records.parts import (
    Best,
    ClassFigures,
    DataFacts,
    Environment,
    Figures,
    FitFacts,
    Headline,
    LeftOut,
    Majority,
    ModelFacts,
)
from lightsmith.records.results import Results, read_results, write_results

RESULTS = Results(
    experiment="mnist_mlp",
    task="classification",
    headline=Headline("accuracy", 0.9, "max"),
    seed=1,
    settings={"model.lr": 0.01, "callbacks.RobustnessTest": True},
    data=DataFacts("sample", 10, 5, 5, "sha256:0", [LeftOut("a.png", "damaged")], [], classes=["ant", "bee"]),
    test=Figures(5, {"loss": 0.25, "accuracy": 0.9}, {"accuracy": [0.5, 1.0]}),
    best=Best(2, "val/accuracy", 0.8, Figures(5, {"loss": 0.5, "accuracy": 0.8})),
    fit=FitFacts(1.5, 2, 4, 20, 13.3, 0.1, 1000),
    model=ModelFacts("MnistMLP", 8, 8, "checkpoints/best.ckpt", "ab", "cd"),
    environment=Environment("3.11", "2.14", "2.6", "cpu", "32-true", git_commit="abc"),
    majority=Majority("ant", 0.6),
    per_class=[ClassFigures("ant", 3, 1.0, None, 0.5), ClassFigures("bee", 2, 1.0, 0.5, 0.6)],
)


def written(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return content


def test_what_is_written_is_read_again_with_its_folder(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path)
    read = read_results(tmp_path)
    assert read.folder == tmp_path
    assert read.as_json() == RESULTS.as_json() == written(tmp_path)
    assert (read.headline, read.best, read.per_class) == (RESULTS.headline, RESULTS.best, RESULTS.per_class)


def test_figures_stand_flat_in_the_file_and_no_key_has_an_underscore_of_pythons(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path)
    content = written(tmp_path)
    assert content["schema"] == 2
    assert content["test"] == {"n": 5, "loss": 0.25, "accuracy": 0.9, "interval": {"accuracy": [0.5, 1.0]}}
    assert content["best"]["validation"] == {"n": 5, "loss": 0.5, "accuracy": 0.8}
    assert content["majority"] == {"class": "ant", "share": 0.6}
    assert content["model"]["class"] == "MnistMLP"
    assert "folder" not in content


def test_what_a_kind_of_task_has_not_has_no_key() -> None:
    content = Results(**{**vars(RESULTS), "majority": None, "per_class": []}).as_json()
    assert not {"majority", "per_class", "robustness"} & content.keys()
    assert "values" not in content["data"]
    assert "class_weights" not in content["model"]


def test_results_replace_earlier_ones_and_leave_no_draft(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path)
    write_results(Results(**{**vars(RESULTS), "seed": 2}), tmp_path)
    assert read_results(tmp_path).seed == 2
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_keys_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    content = RESULTS.as_json()
    content |= {"later": 1, "fit": {**content["fit"], "later": 1}}
    assert Results.of_json(content).as_json() == RESULTS.as_json()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 2}', '{"schema": 3}', '{"schema": 1, "data": {}}'])
def test_a_file_of_anything_else_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ValueError, match=r"results.json is not what a run writes: restore it or remove it$"):
        read_results(tmp_path)


def test_a_folder_without_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no results.json: give the folder of a finished run$"):
        read_results(tmp_path)
