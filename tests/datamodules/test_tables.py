"""Tables of any usual form are read, and what is wrong with one is said in one line."""

import gc
import gzip
import io
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datamodules import tables
from datamodules.sources import Source
from datamodules.tables import TABLE_SUFFIXES, load_table
from datamodules.texts import LABEL_COLUMNS, TEXT_COLUMNS

WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".parquet": lambda frame, path: frame.to_parquet(path),
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".json": lambda frame, path: frame.to_json(path, orient="records"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}


def load(path: Path, text: tuple[str, ...] = TEXT_COLUMNS, label: tuple[str, ...] = LABEL_COLUMNS) -> Source:
    return load_table(path, "text", text, label)


def write(path: Path, **columns: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    WRITERS[path.suffix](pd.DataFrame(columns), path)
    return path


def png(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_there_is_a_case_for_every_table_format() -> None:
    assert WRITERS.keys() == TABLE_SUFFIXES.keys()


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_and_name_gives_the_same_examples(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / f"my films [2]{suffix}", text=['bad, "really"', "good", "fine"], label=[0, 1, 1])
    source = load(path)
    assert source.class_names == ["0", "1"]
    assert list(source.splits["train"].items) == ['bad, "really"', "good", "fine"]
    assert source.splits["train"].labels.tolist() == [0, 1, 1]
    assert source.splits["train"].labels.dtype == np.int64
    assert capfd.readouterr() == ("", "")


def test_review_and_sentiment_columns_are_understood(tmp_path: Path) -> None:
    path = write(tmp_path / "imdb_reviews.csv", review=["a", "b", "c"], sentiment=["positive", "negative", "positive"])
    assert load(path).class_names == ["negative", "positive"]
    assert load(path).splits["train"].labels.tolist() == [1, 0, 1]


def test_column_names_are_matched_in_any_case_and_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", Text=["a", "b"], words=["c", "d"], Label=["x", "y"], mood=["up", "down"])
    assert list(load(path).splits["train"].items) == ["a", "b"]
    given = load(path, text=("words",), label=("mood",))
    assert list(given.splits["train"].items) == ["c", "d"]
    assert given.class_names == ["down", "up"]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([3, 10, 7], ["3", "7", "10"]),
        ([0.0, 1.0, 1.0], ["0", "1"]),
        ([True, False, True], ["False", "True"]),
        (["b", "a", "c"], ["a", "b", "c"]),
    ],
)
def test_labels_of_any_type_become_classes_in_order(tmp_path: Path, labels: list[Any], names: list[str]) -> None:
    source = load(write(tmp_path / "t.parquet", text=["i", "j", "k"], label=labels))
    assert source.class_names == names
    shown = [str(int(v)) if isinstance(v, float) else str(v) for v in labels]
    assert [names[i] for i in source.splits["train"].labels] == shown


def test_declared_class_names_are_kept_in_their_order(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])})
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features).to_parquet(tmp_path / "t.parquet")
    source = load(tmp_path / "t.parquet")
    assert source.class_names == ["pos", "neg"]
    assert source.splits["train"].labels.tolist() == [1, 0]


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


def test_rows_without_text_or_label_are_skipped_and_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", text=["a", None, "c", "d"], label=[0, 1, None, 1])
    source = load(path)
    assert list(source.splits["train"].items) == ["a", "d"]
    assert source.splits["train"].labels.tolist() == [0, 1]
    assert source.skipped == [("train row 1", "no text"), ("train row 2", "no label")]


@pytest.mark.parametrize("column", ["image", "img"])
def test_images_come_as_bytes_from_declared_and_plain_columns(tmp_path: Path, column: str) -> None:
    features = datasets.Features({column: datasets.Image(), "label": datasets.Value("int64")})
    rows: dict[str, list[Any]] = {
        column: [{"bytes": png(1), "path": None}, {"bytes": png(2), "path": None}],
        "label": [0, 1],
    }
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "declared.parquet")
    write(tmp_path / "structs.parquet", **rows)
    write(tmp_path / "bytes.parquet", **{**rows, column: [png(1), png(2)]})
    for name in ("declared", "structs", "bytes"):
        source = load_table(tmp_path / f"{name}.parquet", "image", ("image", "img"), ("label",))
        assert list(source.splits["train"].items) == [png(1), png(2)], name


def test_a_csv_may_name_image_files_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", image=["a/1.png", "b/2.png"], label=["a", "b"])
    source = load_table(path, "image", ("image",), ("label",))
    assert list(source.splits["train"].items) == [tmp_path / "a/1.png", tmp_path / "b/2.png"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"words": ["a"], "label": [0]},
            "no text or review .* column in .*t.csv: it has words, label; .*--data.text_col",
        ),
        (
            {"text": ["a"], "mood": [0]},
            "no label or .* column in .*: it has text, mood; name one with --data.label_col",
        ),
        ({"text": ["a", "b"], "label": [0.5, 1.0]}, "column 'label' holds fractions"),
        ({"text": ["a", "b"], "label": [["x"], ["y"]]}, "column 'label' holds a List: labels must be"),
        ({"text": [1, 2], "label": [0, 1]}, "column 'text' holds int64 values, not texts"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, columns: dict[str, list[Any]], message: str) -> None:
    suffix = ".parquet" if isinstance(columns.get("label", [0])[0], list) else ".csv"
    with pytest.raises(ValueError, match=message):
        load(write(tmp_path / f"t{suffix}", **columns))


def test_a_label_that_only_the_test_split_has_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "d" / "train.csv", text=["a", "b"], label=["x", "y"])
    write(tmp_path / "d" / "test.csv", text=["c"], label=["z"])
    with pytest.raises(ValueError, match="the test split has label='z', which is not among the training labels"):
        load(tmp_path / "d")


def test_a_folder_with_only_a_test_split_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "d" / "test.csv", text=["c"], label=["z"])
    with pytest.raises(ValueError, match="has no train split, only test"):
        load(tmp_path / "d")


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
        ("latin.csv", "text,label\ncaf\xe9,1\n".encode("latin-1")),
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


def unreachable(*args: Any, **kwargs: Any) -> Any:
    raise ConnectionError("Name or service not known")


def test_an_unreachable_hub_is_answered_at_once_with_what_works_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)  # restored after the test
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
    with pytest.raises(
        ValueError, match=r"someone/films could not be fetched .*not known.*DATA=sample and DATA=<path>"
    ):
        load_table("someone/films@main", "text", ("text",), ("label",))


def test_a_network_that_fails_half_way_is_reported_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *args, **kwargs: None)
    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(ValueError, match=r"DATA=sample and DATA=<path> work offline"):
        load_table("someone/films", "text", ("text",), ("label",))


def test_the_hub_is_asked_for_the_pinned_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    table = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]})

    def load_dataset(name: str, **options: Any) -> dict[str, datasets.Dataset]:
        asked.update(options, name=name)
        return {"train": table}

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *args, **kwargs: None)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    source = load_table("someone/films@abc123", "text", ("text",), ("label",))
    assert asked == {"name": "someone/films", "revision": "abc123", "cache_dir": str(tables.CACHE / "hub")}
    assert source.origin == "hub data set someone/films@abc123"
    assert list(source.splits["train"].items) == ["a", "b"]


@pytest.mark.real_data
def test_real_tables_are_read_whole(real_data: Path) -> None:
    source = load_table(real_data / "cifar10", "image", ("image", "img"), ("label",))
    assert {split: len(examples) for split, examples in source.splits.items()} == {"train": 50_000, "test": 10_000}
    assert source.class_names[:2] == ["airplane", "automobile"]
    assert source.skipped == []
