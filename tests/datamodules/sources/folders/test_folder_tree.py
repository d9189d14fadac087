from pathlib import Path

import pytest

from datamodules.sources.folders.folder_tree import Folder, read_folder


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_files_come_by_name_through_all_folders(tmp_path: Path) -> None:
    found = read_folder(str(filled(tmp_path, "b/2.png", "b/1.png", "a.png", "c/d/3.png")), [])
    assert list(found.paths()) == [f"{tmp_path}/{name}" for name in ("a.png", "b/1.png", "b/2.png", "c/d/3.png")]
    assert [folder.name for folder in found.filled] == ["b", "c"]


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    found = read_folder(str(tmp_path), [])
    assert found.filled == []
    assert not found.holds_files


def test_what_systems_leave_behind_is_no_data_and_is_named(tmp_path: Path) -> None:
    filled(tmp_path, "cats/1.png", "__MACOSX/1.png", ".hidden/2.png", ".DS_Store")
    ignored: list[tuple[str, str]] = []
    assert list(read_folder(str(tmp_path), ignored).paths()) == [f"{tmp_path}/cats/1.png"]
    assert ignored == [
        (f"{tmp_path}/.hidden", "a hidden folder"),
        (f"{tmp_path}/__MACOSX", "left by an archiver or a system"),
    ]


def test_links_are_followed_but_never_back_to_where_they_lie(tmp_path: Path) -> None:
    filled(tmp_path, "real/1.png", "data/cats/2.png")
    (tmp_path / "data" / "dogs").symlink_to(tmp_path / "real")
    (tmp_path / "data" / "cats" / "back").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "round").symlink_to("round")
    ignored: list[tuple[str, str]] = []
    found = read_folder(str(tmp_path / "data"), ignored)
    assert [Path(path).name for path in found.paths()] == ["2.png", "1.png", "round"]
    assert ignored == [(f"{tmp_path}/data/cats/back", "a link to a folder that it lies in")]


def test_a_file_with_a_reason_is_ignored_and_kept_by_name(tmp_path: Path) -> None:
    filled(tmp_path, "a.png", "a.txt", "a.tmp")
    reasons = {"a.txt": "no image", "a.tmp": ""}
    ignored: list[tuple[str, str]] = []
    found = read_folder(str(tmp_path), ignored, lambda entry: reasons.get(entry.name))
    assert (found.files, list(found.all_others())) == (["a.png"], ["a.txt"])
    assert ignored == [(f"{tmp_path}/a.txt", "no image")]


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the folder .*nope cannot be read: No such file"):
        read_folder(str(tmp_path / "nope"), [])


def test_paths_need_no_folder_on_disk() -> None:
    assert list(Folder("x", ["b", "a"]).paths()) == ["x/b", "x/a"]
