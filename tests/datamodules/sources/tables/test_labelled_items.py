"""Tables of any usual form are read, and what is wrong with one is said in one line."""

import io
import os
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from datamodules.sources.tables.labelled_items import load_table
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


@pytest.mark.real_data
def test_real_tables_are_read_whole(real_data: Path) -> None:
    source = load_table(real_data / "cifar10", "image", ("image", "img"), ("label",))
    assert {split: len(examples) for split, examples in source.splits.items()} == {"train": 50_000, "test": 10_000}
    assert source.class_names[:2] == ["airplane", "automobile"]
    assert source.skipped == []


def lines(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["Low", "High", "None"], ["High", "Low", "None"]),
        (["NA", "null", "nan"], ["NA", "nan", "null"]),
        (["007", "7", "012"], ["007", "012", "7"]),
        (["positive", "positive ", "negative"], ["negative", "positive"]),
        (["Ba\u0308ume", "B\u00e4ume", "V\u00f6gel"], ["B\u00e4ume", "V\u00f6gel"]),
    ],
)
def test_labels_are_the_text_that_stands_there(tmp_path: Path, labels: list[str], names: list[str]) -> None:
    source = load(lines(tmp_path / "t.csv", "text,label", *(f"text {label},{label}" for label in labels)))
    assert source.class_names == names
    assert len(source.splits["train"]) == len(labels)


def test_only_the_needed_columns_count_whatever_the_others_hold(tmp_path: Path) -> None:
    rows = [f"text {n},{'ab'[n % 2]},{n if n < 10_010 else f'A{n}'}," for n in range(10_050)]
    assert len(load(lines(tmp_path / "t.csv", "text,label,ticket,remark", *rows)).splits["train"]) == 10_050


def test_a_file_replaced_by_one_of_the_same_date_is_read_again(tmp_path: Path) -> None:
    path = lines(tmp_path / "t.csv", "text,label", "a,x", "b,y")
    stamp = path.stat().st_mtime_ns
    assert load(path).class_names == ["x", "y"]
    lines(path, "text,label", "a,u", "b,v")
    os.utime(path, ns=(stamp, stamp))
    assert load(path).class_names == ["u", "v"]


def test_a_competition_trains_on_its_training_file_and_names_the_others(tmp_path: Path) -> None:
    lines(tmp_path / "d/train.csv", "id,text,label", "1,a,x", "2,b,y")
    lines(tmp_path / "d/test.csv", "id,text", "3,c")
    lines(tmp_path / "d/sample_submission.csv", "id,label", "3,x")
    lines(tmp_path / "d/extra.csv", "id,text,label", "4,d,x")
    source = load(tmp_path / "d")
    assert {split: list(examples.items) for split, examples in source.splits.items()} == {"train": ["a", "b"]}
    assert "no test split: test.csv has no label column" in source.notes
    unnamed = "its name says no split: name it train-… to train on it"
    assert dict(source.ignored) == {
        str(tmp_path / "d/test.csv"): "no label column",
        str(tmp_path / "d/sample_submission.csv"): unnamed,
        str(tmp_path / "d/extra.csv"): unnamed,
    }


def test_several_files_without_a_split_in_their_names_are_read_as_one_and_said(tmp_path: Path) -> None:
    lines(tmp_path / "d/march.csv", "text,label", "a,x", "b,y")
    lines(tmp_path / "d/april.csv", "label,text", "x,c")
    lines(tmp_path / "d/prices.csv", "product,price", "c,1")
    source = load(tmp_path / "d")
    assert list(source.splits["train"].items) == ["c", "a", "b"]
    assert source.notes == ["train is read from 2 files: april.csv, march.csv"]
    assert source.ignored == [(str(tmp_path / "d/prices.csv"), "no text column")]


def test_minus_one_is_no_label_in_a_test_split_alone(tmp_path: Path) -> None:
    write(tmp_path / "d/train.parquet", sentence=["a", "b"], label=[0, 1])
    write(tmp_path / "d/test.parquet", sentence=["c", "d"], label=[-1, -1])
    assert load(tmp_path / "d").splits.keys() == {"train"}
    write(tmp_path / "e/train.parquet", sentence=["a", "b"], label=[-1, 1])
    assert load(tmp_path / "e").class_names == ["-1", "1"]


def test_texts_of_two_columns_are_joined_and_empty_only_together(tmp_path: Path) -> None:
    path = lines(tmp_path / "t.csv", "subject,body,label", "Invoice,It is wrong,x", "Hello,,y", ",just this,x", ",,y")
    source = load(path, text=(("subject", "body"),))  # type: ignore[arg-type]
    assert list(source.splits["train"].items) == ["Invoice\n\nIt is wrong", "Hello", "just this"]
    assert source.empty == [("train row 3", "no subject or body")]


def test_a_class_without_a_single_text_is_named(tmp_path: Path) -> None:
    source = load(lines(tmp_path / "t.csv", "text,label", "a,x", "b,y", ",z"))
    assert source.class_names == ["x", "y"]
    assert source.notes == ["no training item has text and the label z, which is no class"]


def test_a_file_without_a_header_is_answered_with_the_flag(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"it has a fine film, x; .* --data.header=false calls the columns 1, 2, …"):
        load(lines(tmp_path / "t.csv", "a fine film,x", "b,y"))


def test_images_are_named_from_the_folder_of_their_table_or_of_all(tmp_path: Path) -> None:
    for name in ("labels/a/1.png", "2.png"):
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_bytes(png(1))
    path = lines(tmp_path / "d/labels/train.csv", "image,label", "a/1.png,x", ",y")
    source = load_table(tmp_path / "d", "image", ("image",), ("label",))
    assert list(source.splits["train"].items) == [tmp_path / "d/labels/a/1.png"]
    assert source.empty == [("train row 1", "no image")]
    lines(path, "image,label", "2.png,x")
    source = load_table(tmp_path / "d", "image", ("image",), ("label",))
    assert list(source.splits["train"].items) == [tmp_path / "d/2.png"]
