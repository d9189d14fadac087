from __future__ import annotations

import numpy as np
import pytest

from datamodules.sources.source import Examples, Source
from lightning_modules.training.answer import ClassProbabilities
from lightsmith.predictions.labelled_items import choose_items

TRAIN = Examples(["x", "y", "z"], np.array([0, 1, 0]))
TEST = Examples(["t"], np.array([1]))


def source(**splits: Examples) -> Source:
    return Source("file t.csv", ["b", "a"], splits)


def test_labels_are_the_places_of_their_classes_among_the_models() -> None:
    items = choose_items(source(train=TRAIN), None, ClassProbabilities(["a", "b", "c"]))
    assert (len(items), items.labels.tolist(), items.split) == (3, [1, 0, 1], "all")
    assert [item for _, item in items] == ["x", "y", "z"]


def test_one_of_several_splits_has_to_be_chosen() -> None:
    both = source(train=TRAIN, test=TEST)
    with pytest.raises(ValueError, match=r"several splits \(train 3, test 1\): say which with --split=train or "):
        choose_items(both, None, ClassProbabilities(["a", "b"]))
    with pytest.raises(ValueError, match=r"--split=val: file t.csv has train 3, test 1"):
        choose_items(both, "val", ClassProbabilities(["a", "b"]))
    for split, count in (("train", 3), ("test", 1), ("all", 4)):
        assert len(choose_items(both, split, ClassProbabilities(["a", "b"]))) == count


def test_a_class_that_the_model_lacks_is_named_and_one_without_items_does_not_count() -> None:
    with pytest.raises(ValueError, match=r"knows 2 classes; this data has 2\. New: b\."):
        choose_items(source(train=TRAIN), None, ClassProbabilities(["a", "c"]))
    assert choose_items(source(test=TEST), None, ClassProbabilities(["a"])).labels.tolist() == [0]


def test_no_items_are_no_evaluation() -> None:
    with pytest.raises(ValueError, match="holds no items"):
        choose_items(source(test=Examples([], np.array([], np.int64))), None, ClassProbabilities(["a", "b"]))


def test_the_first_lines_name_classes_without_items_and_what_was_left_out() -> None:
    only = Examples(["t"], np.array([0]))
    found = Source("file t.csv", ["b"], {"test": only}, ["a note"], [("row 3", "no label")])
    lines = choose_items(found, "test", ClassProbabilities(["a", "b"])).lines(ClassProbabilities(["a", "b"]))
    assert lines == [
        "data       file t.csv",
        "           test 1 · 1 classes: b",
        "           no items of 1 classes that the model knows: a",
        "           a note",
        "           skipped: 1, such as row 3 (no label); all in results.json",
    ]
