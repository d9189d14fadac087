"""Class names are text, in one form and an order that a person expects; what differs a little is said."""

import numpy as np
import pytest

from datamodules.sources.stored_items import StoredLabels
from datamodules.sources.tables.labels import class_order, is_unlabelled, label_notes, plain_labels


def stored(*labels: str | None) -> StoredLabels:
    values = list(dict.fromkeys(label for label in labels if label is not None))
    return StoredLabels(values, np.array([-1 if label is None else values.index(label) for label in labels], np.int32))


def test_blanks_and_forms_of_letters_make_no_class() -> None:
    labels = plain_labels(stored("a", " a ", "Ba\u0308ume", "B\u00e4ume", "", "  ", None))
    assert labels.values == ["a", "B\u00e4ume"]
    assert labels.codes.tolist() == [0, 0, 1, 1, -1, -1, -1]


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        ({"10", "9", "-1"}, ["-1", "9", "10"]),
        ({"10", "9", "007"}, ["007", "10", "9"]),
        ({"b", "a", "10"}, ["10", "a", "b"]),
        ({"3.10", "v2"}, ["3.10", "v2"]),
        ({"1.0", "0.0"}, ["0.0", "1.0"]),
    ],
)
def test_integers_are_ordered_by_number_and_all_else_by_letter(names: set[str], ordered: list[str]) -> None:
    assert class_order(names) == ordered


@pytest.mark.parametrize("names", [{"0.5", "1.0"}, {"1e-3", "2"}, {"a", "x" * 1001}])
def test_measurements_and_texts_are_no_classes(names: set[str]) -> None:
    with pytest.raises(ValueError, match="labels must be integers or strings"):
        class_order(names)


def test_spellings_are_said() -> None:
    notes = label_notes(["positive", "positive ", "Positive", "Ba\u0308ume"], ["Positive", "positive", "B\u00e4ume"])
    assert notes == [
        "blanks around labels are left out, as of 'positive '",
        "letters of labels are put together with their accents, as of 'Ba\u0308ume'",
        "Positive and positive differ in case only: they are 2 classes",
    ]
    assert label_notes(["a", "b"], ["a", "b"]) == []


def test_minus_one_everywhere_is_no_label_unless_it_is_a_class() -> None:
    assert is_unlabelled(stored("-1", "-1"), ["0", "1"])
    assert is_unlabelled(stored(None, None), ["0", "1"])
    assert not is_unlabelled(stored("-1", "-1"), ["-1", "1"])
    assert not is_unlabelled(stored("-1", "0"), ["0", "1"])
