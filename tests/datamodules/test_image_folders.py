"""Image folders are read as people lay them out, and what is wrong with one is said in one line."""

from pathlib import Path
from typing import Any

import pytest

from datamodules.image_folders import load_image_folder
from tests.datamodules.hostile_images import write_odd_entries


def test_class_folders_become_classes_in_alphabetical_order(write_images: Any) -> None:
    source = load_image_folder(write_images({"dogs": 2, "cats": 3}))
    assert source.class_names == ["cats", "dogs"]
    assert source.splits.keys() == {"train"}
    assert source.splits["train"].labels.tolist() == [0, 0, 0, 1, 1]
    assert [Path(p).parent.name for p in source.splits["train"].items] == ["cats"] * 3 + ["dogs"] * 2


@pytest.mark.parametrize(
    ("folder", "split"), [("val", "val"), ("valid", "val"), ("Validation", "val"), ("test", "test")]
)
def test_split_folders_are_found_under_their_usual_names(write_images: Any, folder: str, split: str) -> None:
    source = load_image_folder(write_images({"Train/a": 2, "Train/b": 2, f"{folder}/a": 1, f"{folder}/b": 3}))
    assert {name: len(examples) for name, examples in source.splits.items()} == {"train": 4, split: 4}


def test_a_class_may_be_missing_from_validation_but_not_be_new_there(write_images: Any) -> None:
    folder = write_images({"train/a": 2, "train/b": 2, "val/a": 2})
    assert load_image_folder(folder).splits["val"].labels.tolist() == [0, 0]
    (folder / "val" / "c").mkdir()
    with pytest.raises(ValueError, match=r"class 'c' that the training images lack"):
        load_image_folder(folder)


def test_images_in_nested_folders_count_and_hidden_ones_do_not(write_images: Any) -> None:
    folder = write_images({"a/x/y": 2, "b": 1, "a/.ipynb_checkpoints": 5, ".git": 1})
    source = load_image_folder(folder)
    assert source.class_names == ["a", "b"]
    assert len(source.splits["train"]) == 3
    assert source.skipped == []


def test_other_file_types_are_listed_as_skipped(write_images: Any) -> None:
    folder = write_images({"a": 2, "b": 2})
    (folder / "a" / "notes.txt").write_text("x")
    (folder / "b" / "animation.gif").write_bytes(b"GIF89a")
    source = load_image_folder(folder)
    assert [Path(item).name for item, _ in source.skipped] == ["notes.txt", "animation.gif"]
    assert all(reason.startswith("not one of .jpg") for _, reason in source.skipped)


def test_what_only_looks_like_an_image_is_listed_as_skipped(write_images: Any) -> None:
    folder = write_images({"a": 2, "b": 2, "b/folder.png": 1})
    names = [path.name for path in write_odd_entries(folder / "a") if path.name != "vast.png"]
    source = load_image_folder(folder)
    assert len(source.splits["train"]) == 6  # a folder named as an image is a folder; a vast file is one still
    assert source.skipped == [(str(folder / "a" / name), "not a file") for name in names]


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ({"a": 2, "b": 0}, "class 'b' has no images"),
        ({"train/a": 2, "train/b": 1, "val/a": 1, "val/b": 0}, "class 'b' has no images in .*val"),
        ({"train/a": 2, "train/b": 1, "val": 0}, "val holds no class folders with images"),
        ({".": 3}, "holds no class folders"),
        ({"test/a": 1}, "has test but no train folder"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(
    write_images: Any, folders: dict[str, int], message: str
) -> None:
    folder = write_images({"a": 3}) / "a" if "." in folders else write_images(folders)
    with pytest.raises(ValueError, match=message) as caught:
        load_image_folder(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.real_data
def test_hymenoptera_keeps_its_official_validation_split(real_data: Path) -> None:
    source = load_image_folder(real_data / "hymenoptera")
    assert source.class_names == ["ants", "bees"]
    assert {split: len(examples) for split, examples in source.splits.items()} == {"train": 244, "val": 153}
    assert [Path(item).name for item, _ in source.skipped] == ["imageNotFound.gif"]
