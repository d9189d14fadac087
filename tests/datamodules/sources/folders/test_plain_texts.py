from pathlib import Path

import pytest

from datamodules.sources.folders.plain_texts import is_plain_text, load_plain_texts


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path = path.with_name(f"{path.name}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def texts(path: Path) -> dict[str, list[str]]:
    return {split: list(found.items) for split, found in load_plain_texts(path, cache=False).splits.items()}


def test_each_line_of_a_file_is_a_text_and_blank_lines_are_none(tmp_path: Path) -> None:
    write(tmp_path, book="first\n\n  \nsecond – line\n")
    assert texts(tmp_path / "book.txt") == {"train": ["first", "second – line"]}
    assert "each of its lines is a text" in load_plain_texts(tmp_path / "book.txt", cache=False).notes


def test_each_file_of_a_folder_is_a_text(tmp_path: Path) -> None:
    write(tmp_path, one="a\nb\n", deep__two="c")
    assert sorted(texts(tmp_path)["train"]) == ["a\nb\n", "c"]


def test_files_named_for_splits_are_read_by_the_line(tmp_path: Path) -> None:
    write(tmp_path, **{"wiki.train": "a\nb\n", "wiki.valid": "c\n", "wiki.test": "d\n\n"})
    assert texts(tmp_path) == {"train": ["a", "b"], "val": ["c"], "test": ["d"]}


def test_folders_named_for_splits_hold_a_text_a_file_of_whatever_class(tmp_path: Path) -> None:
    write(tmp_path, train__pos__0="a", train__unsup__1="b\nb", test__neg__0="c")
    assert texts(tmp_path) == {"train": ["a", "b\nb"], "test": ["c"]}


def test_files_that_are_not_read_are_named_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path, train__0="a", README="hello")
    (tmp_path / "notes.md").write_text("x")
    found = load_plain_texts(tmp_path, cache=False)
    assert found.ignored == [
        (str(tmp_path / "README.txt"), "its path says no split"),
        (str(tmp_path / "notes.md"), "not a .txt file"),
    ]


def test_an_empty_file_is_no_text_and_is_named(tmp_path: Path) -> None:
    write(tmp_path, one="a", two="")
    found = load_plain_texts(tmp_path, cache=False)
    assert list(found.splits["train"].items) == ["a"]
    assert found.skipped == [(str(tmp_path / "two.txt"), "no text")]


def test_texts_for_a_test_alone_are_refused(tmp_path: Path) -> None:
    write(tmp_path, test__0="a")
    with pytest.raises(ValueError, match="has test but no train texts"):
        load_plain_texts(tmp_path, cache=False)


def test_an_encoding_can_be_named_where_it_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("жизнь\nлюди\n".encode("cp1251"))
    with pytest.raises(ValueError, match=r"a\.txt cannot be read: .*--data\.encoding"):
        load_plain_texts(tmp_path / "a.txt", cache=False)
    found = load_plain_texts(tmp_path / "a.txt", cache=False, encoding="cp1251")
    assert list(found.splits["train"].items) == ["жизнь", "люди"]


def test_plain_texts_are_told_by_their_suffix(tmp_path: Path) -> None:
    write(tmp_path / "texts", deep__one="a")
    (tmp_path / "t.csv").write_text("text\na\n")
    assert is_plain_text(tmp_path / "texts")
    assert is_plain_text(tmp_path / "texts" / "deep" / "one.txt")
    assert not is_plain_text(tmp_path / "t.csv")
