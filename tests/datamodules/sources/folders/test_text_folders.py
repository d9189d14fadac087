"""Folders of .txt files are classes, in the layouts that are published."""

from pathlib import Path

import pytest

from datamodules.review_words import ReviewWords


def write(folder: Path, **counts: int) -> None:
    """``write(folder, train__pos=3)`` writes train/pos/0.txt to 2.txt."""
    for name, count in counts.items():
        inner = folder / name.replace("__", "/")
        inner.mkdir(parents=True)
        for n in range(count):
            (inner / f"{n}.txt").write_text(f"{inner.name} number {n}")


def test_the_film_reviews_are_read_as_published(tmp_path: Path) -> None:
    folder = tmp_path / "aclImdb"
    write(folder, train__pos=20, train__neg=20, train__unsup=5, test__pos=3, test__neg=3)
    (folder / "imdb.vocab").write_text("the\n")
    (folder / "train" / "urls_pos.txt").write_text("http://\n")
    data = ReviewWords(source=str(folder))
    assert data.sizes == {"train": 36, "val": 4, "test": 6}
    assert data.class_names == ["neg", "pos"]
    assert data.item("test", 0) == "neg number 0"
    assert data.source_found.ignored == [
        (str(folder / "imdb.vocab"), "not a .txt file"),
        (str(folder / "train/unsup"), "texts without a class, by its name"),
        (str(folder / "train/urls_pos.txt"), "in no class folder"),
    ]
    again = ReviewWords(source=str(tmp_path))  # a folder around it
    assert again.fingerprint == data.fingerprint


def test_folders_without_splits_are_classes_and_odd_files_are_named(tmp_path: Path) -> None:
    write(tmp_path / "d", spam=30, ham=30)
    (tmp_path / "d/ham/0.txt").write_text("  \n")
    (tmp_path / "d/ham/1.txt").write_bytes("caf\xe9 for all".encode("latin-1"))
    (tmp_path / "d/ham/2.txt").write_bytes(bytes(range(0xC0, 0xE0)) * 3)
    found = ReviewWords(source=str(tmp_path / "d")).source_found
    assert found.class_names == ["ham", "spam"]
    assert found.empty == [(str(tmp_path / "d/ham/0.txt"), "no text")]
    assert [item for item, _ in found.unusable] == [str(tmp_path / "d/ham/2.txt")]
    assert found.unusable[0][1].startswith("line 1 is not UTF-8")
    texts = {text for examples in found.splits.values() for text in examples.items}
    assert len(texts) == 58
    assert "café for all" in texts


def test_a_class_that_only_the_test_folder_has_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "d", train__a=4, train__b=4, test__c=1, test__a=1)
    with pytest.raises(ValueError, match="the test split has a class 'c'"):
        ReviewWords(source=str(tmp_path / "d")).setup()
