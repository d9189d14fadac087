"""Values beside images and texts of one's own, and what may not stand beside what."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datamodules.cifar10 import CIFAR10
from datamodules.classification_data import ClassificationData
from datamodules.mnist import MNIST
from datamodules.regression_data import RegressionData
from datamodules.review_words import ReviewWords


def photographs(folder: Path, rows: int, files: int) -> Path:
    folder.mkdir(parents=True)
    for i in range(files):
        Image.fromarray(np.full((8, 8, 3), i, np.uint8)).save(folder / f"{i}.png")
    lines = [f"{i}.png,{i / 2}" for i in range(rows)]
    (folder / "labels.csv").write_text("\n".join(["file,value", *lines]))
    return folder


def test_images_get_the_values_of_labels_csv_and_those_without_are_named(tmp_path: Path) -> None:
    data = CIFAR10(source=str(photographs(tmp_path / "photos", 30, 32)))
    data.follow("value")
    assert sum(data.sizes.values()) == 30
    for split in ("train", "val", "test"):
        for batch in data.loader(split):
            brightness = data.on_after_batch_transfer(batch, 0).image[:, 0, 0, 0]
            assert batch.label.tolist() == (brightness / 2).tolist()
    unnamed = [(Path(item).name, reason) for item, reason in data.source_found.ignored]
    assert unnamed == [("30.png", "no row with a value names it"), ("31.png", "no row with a value names it")]


def test_a_table_in_each_split_folder_is_of_that_split(tmp_path: Path) -> None:
    photographs(tmp_path / "photos/train", 20, 20)
    photographs(tmp_path / "photos/test", 5, 5)
    data = CIFAR10(source=str(tmp_path / "photos"))
    data.follow("value")
    assert data.sizes == {"train": 18, "val": 2, "test": 5}


@pytest.mark.parametrize(
    ("base", "target", "message"),
    [(ClassificationData, "value", "has a class beside each item"), (RegressionData, "class", "has a value beside")],
)
def test_a_model_that_learns_from_something_else_is_refused(base: Any, target: str, message: str) -> None:
    data: Any = SimpleNamespace(labels=base.labels)
    for fitting in (base.labels.target, "nothing"):
        base.follow(data, fitting)
    with pytest.raises(ValueError, match=message):
        base.follow(data, target)


def scores(path: Path, *labels: str) -> ReviewWords:
    path.write_text("\n".join(["text,score", *(f"film number {i},{label}" for i, label in enumerate(labels))]))
    data = ReviewWords(source=str(path), max_unreadable_share=0.5)
    data.follow("value")
    return data


MANY = [str(number) for number in range(40)]


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("", "no score"),
        ("good", "score is 'good', no number"),
        ('"3,5"', "score is '3,5', no number"),
    ],
)
def test_a_row_without_a_number_is_left_out_and_the_reason_said(tmp_path: Path, label: str, reason: str) -> None:
    data = scores(tmp_path / "films.csv", label, *MANY)
    assert data.found.skipped == [("train row 0", reason)]
    assert len(data.found.splits["train"]) == 40


def test_a_cut_is_at_random_and_says_nothing_of_accuracy(tmp_path: Path) -> None:
    data = scores(tmp_path / "films.csv", *MANY)
    assert data.sizes == {"train": 32, "val": 4, "test": 4}
    assert not any("the score may be off" in note for note in data.source_found.notes)
    assert data.fingerprint == scores(tmp_path / "films.csv", *MANY).fingerprint


def test_copies_with_other_values_are_said(tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    path.write_text("\n".join(["text,score", "same,1", "same,2.5", *(f"film {n},{n}" for n in MANY)]))
    data = ReviewWords(source=str(path))
    data.follow("value")
    assert '1 text stands there with different labels, such as "same" (1, 2.5)' in data.source_found.notes


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["good", "bad"], "column 'score' holds texts, such as 'good', and no numbers"),
        (["3", "3", "3", "3"], "all training items of .* have the value 3"),
        (["1", "2"], r"the data \(2\) of .* has too few training items"),
    ],
)
def test_data_that_nothing_can_be_learnt_from_is_refused(tmp_path: Path, labels: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scores(tmp_path / "films.csv", *labels).setup()


def test_a_sample_with_classes_has_no_values() -> None:
    data = MNIST()
    data.follow("value")
    with pytest.raises(ValueError, match="has classes, and no values: give data with a column of numbers"):
        data.setup()
