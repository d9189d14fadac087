import json
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.sources.no_input import NotAnInput
from lightning_modules.training.answer import ClassProbabilities
from lightsmith.predictions.file import predictions_file
from lightsmith.predictions.rows import PredictionRows
from lightsmith.predictions.trained_model import Answers

CLASSES = ClassProbabilities(["a", "b"])
HALVES = np.full((1, 2), 0.5, np.float32)


def test_ten_unreadable_inputs_are_named_and_all_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Path("p.csv")
    reasons = dict.fromkeys(range(1, 13), "not a text")
    with predictions_file(output, CLASSES) as file:
        rows = PredictionRows(file, tmp_path, output)
        inputs = [(f"t.csv:{n}", "x") for n in range(13)]
        rows.write(Answers(inputs, np.array([0]), torch.zeros(1, 2), HALVES, reasons))
    rows.say()
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        *(f"cannot read t.csv:{n}: not a text" for n in range(1, 11)), "… and 2 more",
    ]  # fmt: skip
    assert printed.out == "Wrote 13 rows to p.csv: 1 classified, 12 could not be read (column `error`)\n"
    assert len(output.read_text().splitlines()) == 14


def test_what_has_no_part_in_it_gets_no_row_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with predictions_file(Path("p.jsonl"), CLASSES) as file:
        rows = PredictionRows(file, tmp_path, Path("p.jsonl"))
        inputs = [("a.png", Path("a.png")), ("Thumbs.db", NotAnInput("no image"))]
        rows.write(Answers(inputs, np.array([0]), torch.zeros(1, 2), HALVES, {1: "no image"}))
    assert [json.loads(line)["item"] for line in Path("p.jsonl").read_text().splitlines()] == ["a.png"]
    rows.say()
    assert capsys.readouterr().out == (
        "left out   1 file without an input: Thumbs.db\nWrote 1 row to p.jsonl: all classified\n"
    )
