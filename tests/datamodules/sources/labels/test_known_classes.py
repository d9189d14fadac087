import numpy as np
import pytest

from datamodules.sources.labels.known_classes import in_known_order, same_classes
from datamodules.sources.source import Examples, Source


def source(*class_names: str) -> Source:
    labels = np.array([0, 1, 1, 2], dtype=np.int64)[: len(class_names) + 1]
    return Source("a table", list(class_names), {"train": Examples(["a", "b", "b", "c"][: len(labels)], labels)})


def test_labels_count_the_classes_as_the_model_does() -> None:
    known = in_known_order(source("ant", "bee", "cat"), ["cat", "ant", "bee"])
    assert known.class_names == ["cat", "ant", "bee"]
    assert [known.class_names[label] for label in known.splits["train"].labels] == ["ant", "bee", "bee", "cat"]
    assert list(known.splits["train"].items) == ["a", "b", "b", "c"]
    assert known.splits["train"].labels.dtype == np.dtype(np.int64)


def test_a_name_is_the_same_in_either_of_its_unicode_forms_and_two_forms_stay_two_names() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    known = in_known_order(source("bar", decomposed), [composed, "bar"])
    assert known.class_names == [composed, "bar"]
    assert known.splits["train"].labels.tolist() == [1, 0, 0]
    both = in_known_order(source(composed, decomposed), [decomposed, composed])
    assert both.splits["train"].labels.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("known", "differing"),
    [
        (["dog", "cat"], " New: ant. Missing: dog."),
        (["ant"], " New: cat."),
        (["ant", "cat", "dog"], " Missing: dog."),
        (["ant", "ant"], " New: cat."),
        ([], " New: ant, cat."),
    ],
)
def test_another_set_is_refused_by_the_names_of_both_and_of_what_only_one_has(known: list[str], differing: str) -> None:
    assert not same_classes(["ant", "cat"], known)
    line = f"^the model knows {', '.join(known)}; the data has ant, cat.{differing} \\(a table\\)$"
    with pytest.raises(ValueError, match=line):
        in_known_order(source("ant", "cat"), known)


def test_of_many_classes_only_those_that_differ_are_named() -> None:
    queues = [f"queue {n}" for n in range(12)]
    with pytest.raises(ValueError, match=r"^the model knows 12 classes; the data has 13 classes. New: Vendor. \(x\)$"):
        in_known_order(Source("x", [*queues, "Vendor"], {}), queues)
    many = [f"class {n}" for n in range(1000)]
    with pytest.raises(ValueError, match=r"has 1000 classes. New: new. Missing: class 500. \(x\)$"):
        in_known_order(Source("x", [*many[:500], "new", *many[501:]], {}), many)
    with pytest.raises(ValueError, match=r"has 500 classes. Missing: class 500, .*, class 509 and 490 more. \(x\)$"):
        in_known_order(Source("x", many[:500], {}), many)


def test_a_name_in_another_unicode_form_is_neither_new_nor_missing() -> None:
    with pytest.raises(ValueError, match=r"New: tea. \(a table\)$"):
        in_known_order(source("cafe\u0301", "tea"), ["caf\u00e9"])
