from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lightning_modules.training.answer import ClassProbabilities
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightsmith.predictions.evaluation import ClassEvaluation, ValueEvaluation
from lightsmith.predictions.file import predictions_file
from lightsmith.predictions.trained_model import Answers

ABC = ClassProbabilities(["a", "b", "c"])
LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [3.0, 0.0, 1.0], [0.0, 0.0, 4.0]])
LABELS = np.array([0, 1, 1, 2])


def answers(inputs: list[tuple[str, Any]], outputs: torch.Tensor, reasons: dict[int, str] | None = None) -> Answers:
    return Answers(inputs, np.arange(len(outputs)), outputs, ABC.predictions(outputs.numpy()), reasons or {})


def evaluated(*parts: slice) -> ClassEvaluation:
    with predictions_file(Path("p.jsonl"), ABC) as file:
        evaluation = ClassEvaluation(ABC, file)
        for part in parts:
            names = [(f"row {n}", "x") for n in range(4)[part]]
            evaluation.add(answers(names, LOGITS[part]), LABELS[part])
    return evaluation


def test_the_figures_are_those_of_all_items_however_they_come_in_parts() -> None:
    whole, parts = evaluated(slice(0, 4)), evaluated(slice(0, 3), slice(3, 4))
    assert whole.figures() == parts.figures()
    figures = whole.figures()
    assert (figures["n"], figures["accuracy"]) == (4, 0.75)
    assert figures["loss"] == pytest.approx(float(F.cross_entropy(LOGITS, torch.from_numpy(LABELS))), abs=1e-6)
    assert figures["recall"] == pytest.approx((1 + 0.5 + 1) / 3, abs=1e-6)
    low, high = figures["interval"]["accuracy"]
    assert low < 0.75 < high


def test_an_item_that_could_not_be_read_counts_in_no_figure_and_has_its_row(tmp_path: Path) -> None:
    with predictions_file(Path("p.jsonl"), ABC) as file:
        evaluation = ClassEvaluation(ABC, file)
        inputs = [("good", "x"), ("bad", "x")]
        evaluation.add(answers(inputs, LOGITS[:1], {1: "not a text"}), np.array([0, 2]))
    assert (evaluation.n, evaluation.figures()["accuracy"], evaluation.skipped) == (1, 1.0, [("bad", "not a text")])
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [(row["item"], row["label"], row.get("error")) for row in rows] == [
        ("good", "a", None),
        ("bad", "c", "not a text"),
    ]


def test_values_are_compared_with_the_true_ones_and_intervals_counted() -> None:
    answer = ValueWithInterval(mean=0.0, deviation=1.0, half_width=0.75)
    truth = np.array([0.0, 1.0, 2.0, 3.0])
    outputs = torch.tensor([[0.5], [1.0], [2.0], [4.0]])
    with predictions_file(Path("p.jsonl"), answer) as file:
        evaluation = ValueEvaluation(answer, file)
        for part in (slice(0, 1), slice(1, 4)):
            names = [(f"row {n}", "x") for n in range(4)[part]]
            said = answer.predictions(outputs[part].numpy())
            evaluation.add(Answers(names, np.arange(len(names)), outputs[part], said, {}), truth[part])
    assert evaluation.figures() == {
        "n": 4,
        "rmse": pytest.approx(np.sqrt(1.25 / 4), abs=1e-6),
        "mae": 0.375,
        "r2": 0.75,
        "coverage": 0.75,
    }
