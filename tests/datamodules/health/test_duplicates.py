"""Copies are numbered alike across splits, counted, and said."""

from pathlib import Path

import numpy as np

from datamodules.health.contents import read_contents
from datamodules.health.duplicates import find_copies, note_copies
from datamodules.sources.source import Examples, Source


def films(**splits: list[tuple[str, int]]) -> Source:
    examples = {
        split: Examples([text for text, _ in rows], np.array([label for _, label in rows], dtype=np.int64))
        for split, rows in splits.items()
    }
    return Source("films", ["bad", "good"], examples, notes=["as found"])


def notes_on(source: Source, noun: str = "texts") -> list[str]:
    contents = {split: read_contents(examples.items, split) for split, examples in source.splits.items()}
    return note_copies(source, find_copies(contents), noun).notes


def test_copies_have_one_number_in_all_splits() -> None:
    contents = {"train": read_contents(["a", "b", "a ", ""], "train"), "test": read_contents(["", "b", "c"], "test")}
    copies = find_copies(contents)
    train, test = copies["train"].tolist(), copies["test"].tolist()
    assert train[0] == train[2]
    assert train[1] == test[1]
    assert len({*train, *test}) == 5  # a, b, c, and each of the two empty ones


def test_copies_within_train_and_across_official_splits_are_counted() -> None:
    source = films(
        train=[("a", 0), ("a", 0), ("a\n", 0), ("b", 1)], val=[("b", 1), ("c", 1)], test=[("a", 0), ("a", 0), ("c", 1)]
    )
    left = "(splits that the data brings are left as they are)"
    assert notes_on(source) == [
        "as found",
        "2 of the 4 training texts are copies of another one",
        f"2 texts of the test split also stand in train {left}",
        f"1 text of the val split also stands in train {left}",
        f"1 text of the test split also stands in val {left}",
    ]


def test_copies_with_contradicting_labels_are_counted_and_one_is_shown() -> None:
    source = films(train=[("so so", 0), ("so  so", 1), ("fine", 1), ("x" * 50, 0)], test=[("x" * 50, 1), ("fine", 1)])
    assert notes_on(source)[-1] == '2 texts stand there with different labels, such as "so so" (bad, good)'


def test_a_contradicting_image_is_shown_by_its_file(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, content in zip(paths, (b"cat", b"cat", b"dog"), strict=True):
        path.write_bytes(content)
    source = Source("pets", ["cats", "dogs"], {"train": Examples(paths, np.array([0, 1, 1]))})
    assert notes_on(source, "images")[-1].endswith(f"different labels, such as {paths[0]} (cats, dogs)")


def test_groups_that_stand_in_two_official_splits_are_counted() -> None:
    splits = {
        split: Examples([f"{split} {i}" for i in range(3)], np.array([0, 1, 0]), np.array(groups))
        for split, groups in {"train": [1, 2, 2], "test": [2, 2, 3]}.items()
    }
    (note,) = notes_on(Source("films", ["bad", "good"], splits))
    assert note.startswith("1 group of the test split also stands in train")


def test_nothing_is_said_of_data_without_copies() -> None:
    assert notes_on(films(train=[("a", 0), ("b", 1)], test=[("c", 0), ("", 0), (" ", 1)])) == ["as found"]
