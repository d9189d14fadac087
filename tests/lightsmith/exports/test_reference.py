"""The distribution of the test split is kept with the export, and read again as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datamodules.preprocessing import ImagePreprocessing
from datamodules.review_words import ReviewWords
from lightning_modules.training.answer import ClassProbabilities
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightsmith.exports.reference import (
    OTHERS,
    REFERENCE,
    answer_traits,
    input_traits,
    read_reference,
    reference_of,
    write_reference,
)


def test_numbers_are_sorted_into_ten_bins_of_as_many() -> None:
    signal = reference_of([{"x": float(x)} for x in np.random.default_rng(0).permutation(1000)])["x"]
    assert signal.counts == (100,) * 10
    assert [signal.bin_of(value) for value in (-5.0, 0.0, 99.0, 100.0, 999.0, 1e9)] == [0, 0, 0, 1, 9, 9]


def test_a_number_that_is_always_the_same_has_a_bin_for_others_above() -> None:
    signal = reference_of([{"x": 0.0}] * 50)["x"]
    assert (signal.counts, signal.bin_of(0.0), signal.bin_of(0.1)) == ((50, 0), 0, 1)


def test_rare_and_unknown_classes_are_counted_together() -> None:
    signal = reference_of([{"c": name} for name in ["a"] * 70 + ["b"] * 29 + ["c"]])["c"]
    assert (list(signal.names), signal.counts) == (["a", "b", OTHERS], (70, 29, 1))
    assert [signal.bin_of(name) for name in "abcd"] == [0, 1, 2, 2]


def test_traits_of_an_image_and_of_a_text_are_what_a_person_sees() -> None:
    images = np.stack([np.zeros((3, 4, 4), np.uint8), np.full((3, 4, 4), 255, np.uint8)])
    assert input_traits([images], ImagePreprocessing(3, 4, 4))["brightness"].tolist() == [0, 1]
    preprocessing = ReviewWords(max_tokens=20, max_vocabulary=50, cache=False).preprocessing
    ids, mask = preprocessing("a qwertz film")
    found = input_traits([ids[None], mask[None]], preprocessing)
    unknown = np.mean(ids[mask == 1] == preprocessing.unknown_id)
    assert (found["length"].tolist(), found["unknown_tokens"].tolist()) == ([mask.sum()], [unknown])
    assert 0 < unknown < 1


def test_traits_of_an_answer_are_its_class_and_confidence_or_its_value() -> None:
    assert answer_traits(ClassProbabilities(["a", "b"]), np.array([0.25, 0.75])) == {"class": "b", "confidence": 0.75}
    answer = ValueWithInterval(1.0, 2.0, 0.5)
    assert answer_traits(answer, np.array([3.0, 2.0, 4.0])) == {answer.columns[0]: 3.0}


def test_a_reference_is_read_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    made = reference_of([{"x": float(x), "class": f"ä{int(x)}"} for x in rng.integers(0, 5, 100)])
    write_reference(tmp_path, made)
    assert read_reference(tmp_path) == made
    assert read_reference(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"x": 1},
        {"x": {"counts": [1]}},
        {"x": {"counts": [1, 2], "edges": [], "names": []}},
        {"x": {"counts": [], "edges": [], "names": []}},
        {"x": {"counts": [1, -1], "edges": [0.5], "names": []}},
        {"x": {"counts": [1, 1, 1], "edges": [2, 1], "names": []}},
    ],
)
def test_what_is_no_reference_is_refused_by_its_name(tmp_path: Path, content: object) -> None:
    (tmp_path / REFERENCE).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"reference\.json holds no"):
        read_reference(tmp_path)
