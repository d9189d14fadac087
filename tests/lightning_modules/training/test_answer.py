"""What a prediction consists of, whatever wrote it, and that it comes back from JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from lightning_modules.training.answer import Answer, ClassProbabilities
from lightning_modules.training.answer_kinds import KINDS, answer_from
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from tests.conftest import ROOT

CLASSES = ClassProbabilities(["ant", "bee", "wasp"])
VALUE = ValueWithInterval(mean=5.0, deviation=2.0, half_width=1.5)


@pytest.mark.parametrize("answer", [CLASSES, VALUE, ValueWithInterval(5.0, 2.0)])
def test_an_answer_comes_back_from_json(answer: Answer) -> None:
    assert answer_from(json.loads(json.dumps(answer.settings))) == answer


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "kind None is not known"),
        ({"kind": "guess"}, "kind 'guess' is not known"),
        ({"kind": "classification"}, "cannot have the settings"),
        ({"kind": "classification", "class_names": ["a", "a"]}, "not texts that differ"),
        ({"kind": "classification", "class_names": "ab"}, "not texts that differ"),
        ({"kind": "regression", "mean": "5", "deviation": 1, "half_width": None}, "not all finite"),
        ({"kind": "regression", "mean": 5, "deviation": float("nan"), "half_width": None}, "not all finite"),
    ],
)
def test_settings_that_no_answer_has_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        answer_from(settings)


def test_it_is_read_without_torch() -> None:
    code = "import sys, lightning_modules.training.answer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_probabilities_are_those_of_torch() -> None:
    logits = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 30
    np.testing.assert_allclose(CLASSES.predictions(logits.numpy()), logits.softmax(1).numpy(), atol=1e-6)


def test_a_line_of_classes() -> None:
    row = np.array([0.2, 0.7, 0.1], np.float32)
    assert CLASSES.line(row) == {"prediction": "bee", "probabilities": {"ant": 0.2, "bee": 0.7, "wasp": 0.1}}
    assert list(CLASSES.limited(2).line(row)["probabilities"].items()) == [("bee", 0.7), ("ant", 0.2)]
    ranked = {"class_1": "bee", "probability_1": 0.7, "class_2": "ant", "probability_2": 0.2}
    assert CLASSES.limited(2).cells(row) == {"prediction": "bee", "error": "", **ranked}
    assert CLASSES.shown(row) == ["0.7000  bee", "0.2000  ant", "0.1000  wasp"]
    assert CLASSES.label(2) == "wasp"


def test_a_hundred_classes_are_written_whole_and_of_more_the_five_most_probable() -> None:
    def written(classes: int, top: int | None) -> int | None:
        return ClassProbabilities([str(n) for n in range(classes)]).limited(top).top

    assert [written(classes, None) for classes in (2, 100, 101)] == [None, None, 5]
    assert [written(200, top) for top in (1, 199, 200, 500)] == [1, 199, None, None]


def test_a_line_of_values_has_them_in_their_own_units() -> None:
    (row,) = VALUE.predictions(np.array([[0.65]], np.float32))
    assert VALUE.line(row) == pytest.approx({"value": 6.3, "low": 4.8, "high": 7.8})
    assert json.dumps(VALUE.line(row)) == '{"value": 6.3, "low": 4.8, "high": 7.8}'
    assert list(VALUE.cells(row)) == VALUE.header
    assert VALUE.shown(row) == ["6.3 (90%: 4.8 to 7.8)"]
    assert VALUE.label(np.float32(0.1)) == 0.1


def test_an_unknown_interval_is_left_out() -> None:
    answer = ValueWithInterval(5.0, 2.0)
    (row,) = answer.predictions(np.zeros((1, 1), np.float32))
    assert (answer.columns, answer.line(row), answer.shown(row)) == (["value"], {"value": 5.0}, ["5"])


def test_below_the_threshold_there_is_no_prediction_and_the_probabilities_stay() -> None:
    row, sure = np.array([0.2, 0.7, 0.1], np.float32), np.array([0.2, 0.75, 0.05], np.float32)
    answer = CLASSES.above(0.71)
    assert (answer.withholds(row), answer.withholds(sure), CLASSES.withholds(row)) == (True, False, False)
    assert answer.line(row) == {**CLASSES.line(row), "prediction": None}
    assert answer.line(sure) == CLASSES.line(sure)
    assert answer.cells(row) == {**CLASSES.cells(row), "prediction": ""}
    assert answer.shown(row) == ["don't know: no class reaches 0.71", *CLASSES.shown(row)]
    assert answer.settings == CLASSES.settings  # a threshold is of one command, no part of an export


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, float("nan")])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(ValueError, match="must be a probability above 0"):
        CLASSES.above(threshold)
    with pytest.raises(ValueError, match="is for class probabilities"):
        VALUE.above(0.5)


def test_top_is_for_classes() -> None:
    with pytest.raises(ValueError, match="--top=3 is for class probabilities"):
        VALUE.limited(3)


def test_every_kind_is_registered_by_its_name() -> None:
    assert all(kind == answer.kind for kind, answer in KINDS.items())
