import csv
import json
from pathlib import Path

import numpy as np
import pytest

from lightning_modules.training.answer import ClassProbabilities
from lightsmith.predictions.file import free_path, in_cell, predictions_file

HALVES = np.array([0.5, 0.5], dtype=np.float32)


@pytest.mark.parametrize("value", ["=1+1", "@SUM(A1)", "+cmd|x", "-a", "\tx", "-1+2"])
def test_a_cell_is_no_formula_in_a_spreadsheet(value: str) -> None:
    assert in_cell(value) == f"'{value}"


@pytest.mark.parametrize("value", ["-1", "+2.5", "a=b", "", 0.5, "photos/-1.png"])
def test_other_cells_are_left_as_they_are(value: object) -> None:
    assert in_cell(value) == value


def test_any_name_survives_in_both_formats() -> None:
    classes, item, error = ["=bad, or\nworse", "Bäume"], 'a "b"\r\n🙂.png', "-no"
    for name in ("p.csv", "p.jsonl"):
        with predictions_file(Path(name), ClassProbabilities(classes)) as file:
            file.write(item, HALVES)
            file.write_error("\udce9.png", error)
    with Path("p.csv").open(newline="", encoding="utf-8-sig") as opened:
        rows = list(csv.reader(opened))
    assert rows == [
        ["item", "prediction", "error", "probability_=bad, or\nworse", "probability_Bäume"],
        [item, "'=bad, or\nworse", "", "0.5", "0.5"],
        ["\\udce9.png", "", "'-no", "", ""],
    ]
    lines = [json.loads(line) for line in Path("p.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"item": item, "prediction": classes[0], "probabilities": dict.fromkeys(classes, 0.5)},
        {"item": "\udce9.png", "error": error},
    ]


def test_a_file_that_is_not_finished_leaves_no_trace() -> None:
    def stop_halfway() -> None:
        with predictions_file(Path("new/p.csv"), ClassProbabilities(["a", "b"])) as file:
            file.write("x", HALVES)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stop_halfway()
    assert not list(Path().iterdir())


def test_a_new_path_is_one_that_nothing_has() -> None:
    for expected in ("x.jsonl", "x-2.jsonl", "x-3.jsonl"):
        path = free_path(Path(), "x", ".jsonl")
        assert path.name == expected
        path.touch()
