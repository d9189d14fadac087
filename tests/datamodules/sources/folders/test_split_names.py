"""A file's name says its split, in whatever words."""

from pathlib import Path

import pytest

from datamodules.sources.folders.split_names import files_by_split

ROOT = Path("d")


def splits(*names: str) -> tuple[dict[str, list[str]], list[str]]:
    notes: list[str] = []
    found = files_by_split([ROOT / name for name in names], ROOT, notes)
    return {split: [str(file.relative_to(ROOT)) for file in files] for split, files in found.items()}, notes


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.csv", "train"),
        ("trainset.csv", "train"),
        ("Train_Data.tsv", "train"),
        ("train-00000-of-00002.parquet", "train"),
        ("my training set.csv", "train"),
        ("data/train/part-0.csv", "train"),
        ("test/train.csv", "train"),  # the last word counts
        ("testset.csv", "test"),
        ("reviews_test.csv", "test"),
        ("val.csv", "val"),
        ("devset.csv", "val"),
        ("eval.csv", "test"),
        ("hold-out.csv", "test"),
    ],
)
def test_a_word_of_the_path_names_the_split(name: str, split: str) -> None:
    assert splits(name)[0] == {split: [name]}


@pytest.mark.parametrize(
    "name", ["extra.csv", "latest.csv", "strains.csv", "trainers.csv", "contest.csv", "values.csv"]
)
def test_other_words_that_look_like_it_do_not(name: str) -> None:
    assert splits(name)[0] == {}


def test_what_is_held_out_is_the_split_that_is_missing_and_said(tmp_path: Path) -> None:
    assert splits("train.csv", "eval.csv") == (
        {"train": ["train.csv"], "test": ["eval.csv"]},
        ["eval serves as the test split"],
    )
    assert splits("train.csv", "test.csv", "holdout.csv")[0]["val"] == ["holdout.csv"]
    assert splits("train.csv", "test.csv", "val.csv", "eval.csv")[0].keys() == {"train", "test", "val"}


def test_two_names_for_one_split_are_a_question() -> None:
    with pytest.raises(
        ValueError, match=r"in data.source='d', val.csv and dev.csv would both be the val split: rename"
    ):
        splits("train.csv", "val.csv", "dev.csv")
