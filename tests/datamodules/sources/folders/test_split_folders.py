"""Splits and classes are told apart by what folders hold, and what can be either is a question."""

from typing import Any

import pytest

from datamodules.sources.folders.image_folders import load_image_folder


def sizes(source: Any) -> dict[str, int]:
    return {split: len(examples) for split, examples in source.splits.items()}


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(("training_set", "train"), ("TrainImages", "train"), ("train2017", "train"), ("01 Training Data", "train")),
        *(("validation-set", "val"), ("valset", "val"), ("dev", "val"), ("valid", "val")),
        *(("test_set", "test"), ("testing", "test"), ("test1", "test"), ("eval", "test"), ("hold-out", "test")),
    ],
)
def test_a_split_is_known_by_every_name_that_clearly_means_it(write_images: Any, name: str, split: str) -> None:
    others = {"train/a": 3, "train/b": 3} if split != "train" else {"test/a": 1}
    source = load_image_folder(write_images({**others, f"{name}/a": 2, f"{name}/b": 2}))
    assert source.class_names == ["a", "b"]
    assert sizes(source)[split] == 4
    assert source.ignored == []


def test_a_prefix_counts_where_train_and_another_split_share_it(write_images: Any) -> None:
    source = load_image_folder(write_images({"seg_train/seg_train/a": 3, "seg_train/seg_train/b": 3, "seg_test/a": 1}))
    assert (source.class_names, sizes(source)) == (["a", "b"], {"train": 6, "test": 1})


@pytest.mark.parametrize(
    ("beside", "split"), [("test", "val"), ("val", "test"), ("dev", "test"), ("testing_set", "val")]
)
@pytest.mark.parametrize("name", ["eval", "holdout", "evaluation"])
def test_a_held_out_folder_is_the_split_that_is_missing(write_images: Any, name: str, beside: str, split: str) -> None:
    source = load_image_folder(write_images({"train/a": 3, "train/b": 3, f"{beside}/a": 1, f"{name}/b": 2}))
    assert sizes(source)[split] == 2
    assert source.notes == [f"{name} serves as the {'validation' if split == 'val' else split} split"]


def test_a_held_out_folder_beside_all_splits_is_named(write_images: Any) -> None:
    folder = write_images({"train/a": 3, "train/b": 3, "val/a": 1, "test/a": 1, "eval/b": 2})
    assert load_image_folder(folder).ignored == [
        (str(folder / "eval"), "there are a validation and a test split without it")
    ]


@pytest.mark.parametrize("names", [("dev", "val"), ("eval", "holdout"), ("test", "test_set"), ("train", "training")])
def test_two_folders_for_one_split_are_a_question(write_images: Any, names: tuple[str, str]) -> None:
    folder = write_images({"train/a": 3, "train/b": 3} | {f"{name}/a": 2 for name in names if name != "train"})
    with pytest.raises(ValueError, match=f"{names[0]} and {names[1]} would both be the"):
        load_image_folder(folder)


@pytest.mark.parametrize(
    "classes", [("bus", "car", "train"), ("control", "test"), ("dev", "qa", "test"), ("eval", "x")]
)
def test_a_class_may_be_called_as_a_split(write_images: Any, classes: tuple[str, ...]) -> None:
    source = load_image_folder(write_images(dict.fromkeys(classes, 2)))
    assert source.class_names == list(classes)
    assert sizes(source) == {"train": 2 * len(classes)}


def test_splits_alone_hold_no_classes(write_images: Any) -> None:
    with pytest.raises(ValueError, match=r"train holds no class folders with images.*; its 3 images lie in none"):
        load_image_folder(write_images({"train": 3, "test": 2}))


def test_what_may_be_a_split_or_a_class_is_a_question_that_a_flag_answers(write_images: Any) -> None:
    folder = write_images({"train/steam": 2, "train/electric": 2, "bus": 3, "car": 3})
    with pytest.raises(ValueError, match=r"train may be a split.*or a class beside bus, car: .*--data.split_folders"):
        load_image_folder(folder)
    assert load_image_folder(folder, split_folders=False).class_names == ["bus", "car", "train"]
    source = load_image_folder(folder, split_folders=True)
    assert source.class_names == ["electric", "steam"]
    assert source.ignored == [(str(folder / name), "not named as a split") for name in ("bus", "car")]


def test_the_same_folders_in_all_folders_are_a_question(write_images: Any) -> None:
    folder = write_images({f"{fold}/{name}": 2 for fold in ("fold1", "fold2") for name in ("cat", "dog")})
    with pytest.raises(ValueError, match="fold1, fold2 all hold the folders cat, dog: if those are the classes"):
        load_image_folder(folder)
    assert load_image_folder(folder, split_folders=False).class_names == ["fold1", "fold2"]


def test_splits_within_classes_are_a_question(write_images: Any) -> None:
    folder = write_images({f"{name}/{split}": 2 for split in ("train", "test") for name in ("cat", "dog")})
    with pytest.raises(ValueError, match="lay them out as test/cat/<image>"):
        load_image_folder(folder)
    assert sizes(load_image_folder(folder, split_folders=False)) == {"train": 8}


def test_what_lies_beside_splits_that_agree_on_the_classes_is_named(write_images: Any) -> None:
    folder = write_images({"train/a": 2, "train/b": 2, "test/a": 1, "extra": 3, "val": 5})
    source = load_image_folder(folder)
    assert sizes(source) == {"train": 4, "test": 1}
    assert source.ignored == [
        (str(folder / "extra"), "not named as a split"),
        (str(folder / "val"), "5 images in no class folders, so without labels"),
    ]


@pytest.mark.parametrize("inner", ["", "/test", "/unknown"])
def test_a_test_folder_without_classes_is_named_and_one_is_cut(write_images: Any, inner: str) -> None:
    folder = write_images({"train/a": 2, "train/b": 2, f"test{inner}": 3})
    source = load_image_folder(folder)
    assert sizes(source) == {"train": 4}
    assert source.ignored == [(str(folder / "test"), "3 images in no class folders, so without labels")]
