"""Tables of any usual form are read, and what is wrong with one is said in one line."""

import io
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import numpy as np
import pytest
from PIL import Image

from datamodules import tables
from datamodules.tables import load_table
from tests.datamodules.written_tables import WRITERS, load, write


def png(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


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
        ({"text": ["a", "b"], "label": [["x"], ["y"]]}, "column 'label' holds list<.*>: labels must be"),
        ({"text": [1, 2], "label": [0, 1]}, "column 'text' holds numbers, not texts: name another"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, columns: dict[str, list[Any]], message: str) -> None:
    typed = isinstance(columns.get("label", [0])[0], list) or isinstance(columns.get("text", [""])[0], int)
    suffix = ".parquet" if typed else ".csv"
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


def unreachable(*args: Any, **kwargs: Any) -> Any:
    raise ConnectionError("Name or service not known")


def test_an_unreachable_hub_is_answered_at_once_with_what_works_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (datasets.config, huggingface_hub.constants):  # restored after the test
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", unreachable)
    with pytest.raises(
        ValueError, match=r"someone/films could not be fetched .*not known.*DATA=sample and DATA=<path>"
    ):
        load_table("someone/films@main", "text", ("text",), ("label",))


def test_a_network_that_fails_half_way_is_reported_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", lambda *args, **kwargs: None)
    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(ValueError, match=r"DATA=sample and DATA=<path> work offline"):
        load_table("someone/films", "text", ("text",), ("label",))


def test_the_hub_is_asked_for_the_pinned_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}).save_to_disk("fetched")
    table = datasets.load_from_disk("fetched")

    def load_dataset(name: str, **options: Any) -> dict[str, datasets.Dataset]:
        asked.update(options, name=name)
        return {"train": table}

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", lambda *args, **kwargs: None)
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
