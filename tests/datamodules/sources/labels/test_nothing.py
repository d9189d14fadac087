from pathlib import Path

import numpy as np
import pytest

from datamodules.review_wordpieces import ReviewWordPieces
from datamodules.sources.labels.labels import LabelColumn
from datamodules.sources.labels.nothing import Nothing, without_labels
from datamodules.sources.source import Examples, Source
from datamodules.sources.splits import cut_missing_splits
from tests.tiny_bert import save_tiny_bert, write_texts


def source(*sizes: int) -> Source:
    splits = {
        name: Examples([f"text {n}" for n in range(size)], np.arange(size))
        for name, size in zip(("train", "test"), sizes, strict=False)
    }
    return Source("somewhere", ["a", "b"], splits)


def test_without_labels_a_source_has_its_items_and_nothing_beside_them() -> None:
    plain = without_labels(source(4, 2))
    assert plain.class_names == []
    assert plain.splits["train"].items == source(4, 2).splits["train"].items
    assert plain.splits["train"].labels.tolist() == [0, 0, 0, 0]


def test_cuts_take_all_unlabelled_items_for_one_kind() -> None:
    cut = cut_missing_splits(without_labels(source(20)), 0.1, 0.2, seed=0)
    assert {name: len(found) for name, found in cut.splits.items()} == {"train": 14, "val": 2, "test": 4}
    assert not any("score" in note for note in cut.notes)


def test_a_split_without_items_is_refused() -> None:
    with pytest.raises(ValueError, match="somewhere holds no test items"):
        Nothing().check(without_labels(source(4, 0)))
    Nothing().check(without_labels(source(4, 1)))


def test_nothing_is_looked_for_in_a_label_column() -> None:
    assert Nothing().columns(("label", "class")) == ()
    assert Nothing().read(LabelColumn("", "text", None, {}), []).class_names == []


def texts(path: Path, folder: Path, **options: object) -> ReviewWordPieces:
    data = ReviewWordPieces(source=str(path), tokenizer_of=save_tiny_bert(folder / "bert"), max_tokens=32, **options)
    data.follow("nothing")
    return data


def test_of_a_table_any_text_column_is_read_whatever_its_labels_are(tmp_path: Path) -> None:
    written = write_texts(tmp_path / "t.jsonl", 30, {"label": ["0.5", "", "x"], "remark": ["odd"]})
    data = texts(written, tmp_path)
    assert data.sizes == {"train": 24, "val": 3, "test": 3}
    assert (data.class_names, data.skipped) == ([], [])
    assert data.labels.line(data.source_found) == "no labels are used"
    assert texts(written, tmp_path, text_column="remark").item("train", 0) == "odd"


def test_a_label_column_that_is_named_changes_nothing(tmp_path: Path) -> None:
    written = write_texts(tmp_path / "t.jsonl", 30, {"label": ["a", ""]})
    assert texts(written, tmp_path, label_column="label").fingerprint == texts(written, tmp_path).fingerprint


def test_the_sample_loses_its_labels(tmp_path: Path) -> None:
    data = texts(Path("sample"), tmp_path)
    assert data.found.class_names == []
    assert not data.found.splits["train"].labels.any()
