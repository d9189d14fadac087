"""Of files and folders the right tables are read, and nothing else."""

import gc
import gzip
import socket
import zipfile
from pathlib import Path

import pytest

from datamodules.sources.tables.files import TABLE_SUFFIXES
from tests.datamodules.written_tables import WRITERS, load, write


def test_there_is_a_case_for_every_table_format() -> None:
    assert WRITERS.keys() == TABLE_SUFFIXES.keys()


def test_a_folder_of_tables_keeps_its_splits(tmp_path: Path) -> None:
    folder = tmp_path / "my own films"
    write(folder / "train.csv", text=["a", "b"], label=["x", "y"])
    write(folder / "valid.csv", text=["c"], label=["y"])
    write(folder / "test.csv", text=["d"], label=["x"])
    source = load(folder)
    assert {split: list(examples.items) for split, examples in source.splits.items()} == {
        "train": ["a", "b"],
        "val": ["c"],
        "test": ["d"],
    }
    assert source.splits["val"].labels.tolist() == [1]


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=r"cannot be read|column") as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("garbage.parquet", b"this is no parquet"),
        ("empty.parquet", b""),
        ("empty.csv", b""),
        ("russian.csv", b"text,label\n" + bytes(range(0xE0, 0xF0)) + b",1\n"),
        ("nulls.csv", b"\x00\x01\x02\x00" * 100),
        ("ragged.csv", b'text,label\na,b,c,d\n"never closed\n'),
        ("garbage.json", b"{not json"),
        ("garbage.jsonl", b"\xff\xfe\x00"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pandas leaves the file open
def test_an_unreadable_table_is_refused_in_one_line_without_noise(
    tmp_path: Path, name: str, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert name in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")
    gc.collect()


def test_a_readme_in_a_folder_fetches_nothing(tmp_path: Path) -> None:
    write(tmp_path / "d" / "train.csv", text=["a", "b"], label=["x", "y"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/other.csv"
        (tmp_path / "d" / "README.md").write_text(
            f"---\nconfigs:\n- config_name: default\n  data_files: {address}\n---\n"
        )
        assert list(load(tmp_path / "d").splits["train"].items) == ["a", "b"]
        server.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody is at the door
            server.accept()


def test_an_archive_and_a_description_beside_a_table_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "d" / "data" / "train-1.csv", text=["a"], label=["x"])
    write(tmp_path / "d" / "data" / "train-2.csv", text=["b"], label=["y"])
    (tmp_path / "d" / "info.json").write_text("{}")
    (tmp_path / "d" / "train.csv.gz").write_bytes(gzip.compress(b"text,label\nc,x\n"))
    with zipfile.ZipFile(tmp_path / "d" / "train.zip", "w") as archive:
        archive.writestr("../train.csv", "text,label\nd,x\n")
    assert list(load(tmp_path / "d").splits["train"].items) == ["a", "b"]
