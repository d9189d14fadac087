"""Image folders are read as people lay them out, and what is wrong with one is said in one line."""

from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest

from datamodules.cifar10 import CIFAR10
from datamodules.sources.folders.image_folders import load_image_folder
from tests.datamodules.generated_folders import write_folder
from tests.datamodules.hostile_images import encoded, plain, write_odd_entries


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


def test_what_is_no_image_is_named_and_what_says_to_be_one_is_an_item(write_images: Any) -> None:
    folder = write_images({"a": 2, "b": 2})
    (folder / "a" / "notes.txt").write_text("x")
    (folder / "a" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (folder / "labels.csv").write_text("file,label\n")
    (folder / "b" / "animation.gif").write_bytes(b"GIF89a")
    source = load_image_folder(folder)
    assert source.ignored == [
        (str(folder / name), "not an image") for name in ("a/Thumbs.db", "a/notes.txt", "labels.csv")
    ]
    assert [path.name for path in source.splits["train"].items] == ["000.png", "001.png"] * 2 + ["animation.gif"]
    assert source.skipped == []


def test_what_only_looks_like_an_image_is_an_item_that_cannot_be_read(write_images: Any) -> None:
    folder = write_images({"a": 2, "b": 2, "b/folder.png": 1})
    entries = write_odd_entries(folder / "a")
    (folder / "a" / "pipe").symlink_to("pipe.png")
    (folder / "a" / "circle").symlink_to("circle")
    source = load_image_folder(folder)
    assert set(entries) < set(source.splits["train"].items)  # a folder named as an image is a folder
    assert len(source.splits["train"]) == 5 + len(entries)
    assert source.ignored == [(str(folder / "a" / name), "not a file") for name in ("circle", "pipe")]


@pytest.mark.parametrize(
    ("file_format", "name"), [("JPEG", "a.jfif"), ("JPEG", "download"), ("PNG", "photo.txt"), ("WEBP", "x.dat")]
)
def test_an_image_is_known_by_its_content(write_images: Any, file_format: str, name: str) -> None:
    folder = write_images({"a": 1, "b": 1})
    (folder / "a" / name).write_bytes(encoded(plain(), file_format))
    source = load_image_folder(folder)
    assert [path.name for path in source.splits["train"].items][:2] == ["000.png", name]
    assert source.ignored == []


def test_hidden_images_and_folders_are_named_and_other_hidden_files_are_not(write_images: Any) -> None:
    folder = write_images({"a": 1, "b": 1, ".old": 1, "__MACOSX/a": 1})
    (folder / "a" / ".cat.jpg").write_bytes(encoded(plain(), "JPEG"))
    for name in (".DS_Store", "._000.png"):
        (folder / "a" / name).write_bytes(b"\0\x05\x16\x07")
    source = load_image_folder(folder)
    assert source.class_names == ["a", "b"]
    assert source.ignored == [
        (str(folder / ".old"), "a hidden folder"),
        (str(folder / "__MACOSX"), "left by an archiver or a system"),
        (str(folder / "a/.cat.jpg"), "a hidden file"),
    ]


def test_links_to_folders_and_files_are_followed_but_not_in_circles(write_images: Any, tmp_path: Path) -> None:
    store = write_images({"cat": 3, "dog": 2})
    linked = tmp_path / "linked"
    (linked / "bird").mkdir(parents=True)
    for name in ("cat", "dog"):
        (linked / name).symlink_to(store / name)
    (linked / "bird" / "one.png").symlink_to(store / "cat" / "000.png")
    (linked / "bird" / "up").symlink_to(linked)
    source = load_image_folder(linked)
    assert source.class_names == ["bird", "cat", "dog"]
    assert source.splits["train"].labels.tolist() == [0, 1, 1, 1, 2, 2]
    assert source.ignored == [(str(linked / "bird" / "up"), "a link to a folder that it lies in")]


def test_a_link_to_a_class_that_is_not_there_is_refused(write_images: Any) -> None:
    folder = write_images({"cat": 1, "dog": 1})
    (folder / "bird").symlink_to("/nowhere/bird")
    with pytest.raises(ValueError, match=r"images/bird is a link to /nowhere/bird, which is not there"):
        load_image_folder(folder)


def test_the_same_name_in_two_unicode_forms_is_one_class(write_images: Any) -> None:
    composed, apart = (normalize(form, "Bäume") for form in ("NFC", "NFD"))
    folder = write_images({f"train/{composed}": 3, f"train/{apart}": 2, "train/x": 1, f"test/{apart}": 2})
    source = load_image_folder(folder)
    assert source.class_names == [composed, "x"]
    assert {split: examples.labels.tolist() for split, examples in source.splits.items()} == {
        "train": [0] * 5 + [1],
        "test": [0, 0],
    }
    assert source.notes == [
        f"{folder}/train has 2 folders called {composed}, in different Unicode forms: they are one class"
    ]


def test_names_that_differ_in_case_or_blanks_stay_apart_and_are_said(write_images: Any) -> None:
    folder = write_images({"train/Cat": 1, "train/cat ": 1, "train/dog": 1})
    source = load_image_folder(folder)
    assert source.class_names == ["Cat", "cat ", "dog"]
    assert source.notes == ["classes 'Cat' and 'cat ' differ in case or blanks only, and stay apart"]
    (folder / "test" / "Dog").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"class 'Dog' that the training images lack .*; there it is 'dog'"):
        load_image_folder(folder)


def test_what_describes_the_images_is_no_class_and_what_may_be_images_is_a_question(write_images: Any) -> None:
    folder = write_images({"a": 1, "b": 1, "annotations": 0})
    for n in range(30):
        (folder / "annotations" / f"{n}.xml").write_text("<a/>")
    source = load_image_folder(folder)
    assert source.class_names == ["a", "b"]
    assert source.ignored == [
        (str(folder / "annotations" / "*.xml"), "30 files: not an image"),
        (str(folder / "annotations"), "holds no images"),
    ]
    (folder / "annotations" / "scan.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(ValueError, match="class 'annotations' has no images"):
        load_image_folder(folder)


def test_a_folder_in_a_folder_is_entered_where_it_is_the_only_one(write_images: Any) -> None:
    folder = write_images({"kaggle/PetImages/cat": 2, "kaggle/PetImages/dog": 1})
    (folder / "kaggle" / "readme.docx").write_text("x")
    source = load_image_folder(folder)
    assert source.class_names == ["cat", "dog"]
    assert source.notes == [f"the classes are those in {folder}/kaggle/PetImages, the only folder with images"]
    assert source.ignored == [(str(folder / "kaggle/readme.docx"), "not an image")]


def test_a_folder_in_a_folder_beside_images_is_offered(write_images: Any) -> None:
    folder = write_images({"pets/cat": 2, "pets/dog": 1})
    (folder / "cover.jpg").write_bytes(encoded(plain(), "JPEG"))
    with pytest.raises(ValueError, match=r"only one class, 'pets'; .*\(cat, dog\).* give --data.source=.*/pets$"):
        load_image_folder(folder)


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
    assert {split: len(examples) for split, examples in source.splits.items()} == {"train": 245, "val": 153}
    assert "imageNotFound.gif" in [path.name for path in source.splits["train"].items]  # by its content, an image


@pytest.mark.parametrize("seeds", [range(20), pytest.param(range(20, 100), marks=pytest.mark.slow)])
def test_of_folders_drawn_at_random_every_item_is_used_or_named(tmp_path: Path, seeds: range) -> None:
    for seed in seeds:
        written = write_folder(tmp_path / f"{seed}", seed)
        data = CIFAR10(source=str(written.root), image_size_px=8, cache=False)
        names = sorted(written.items["train"])
        read = {
            split: {
                name: {str(examples.items[i]) for i in np.flatnonzero(examples.labels == label).tolist()}
                for label, name in enumerate(names)
            }
            for split, examples in data.found.splits.items()
        }
        assert data.class_names == names, seed
        assert read == written.items, seed
        assert {path for path, _ in data.found.ignored} == written.ignored, seed
        assert {item for item, _ in data.skipped} == written.unreadable, seed
        assert all(reason and "\n" not in reason for _, reason in (*data.found.ignored, *data.skipped)), seed
        assert len(data.sizes) == 3
