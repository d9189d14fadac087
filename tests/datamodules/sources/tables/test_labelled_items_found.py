from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest

from datamodules.sources import hub_tables
from datamodules.sources.tables.labelled_items import load_table
from tests.datamodules.written_tables import load, write


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
    assert asked == {"name": "someone/films", "revision": "abc123", "cache_dir": str(hub_tables.CACHE)}
    assert source.origin == "hub data set someone/films@abc123"
    assert list(source.splits["train"].items) == ["a", "b"]


def test_a_split_in_two_formats_is_read_once(tmp_path: Path) -> None:
    for suffix in (".csv", ".parquet", ".json"):
        write(tmp_path / f"d/train{suffix}", text=["a", "b"], label=["x", "y"])
    source = load(tmp_path / "d")
    assert len(source.splits["train"]) == 2
    assert sorted(source.ignored) == [
        (str(tmp_path / "d/train.csv"), "that split is read from another format"),
        (str(tmp_path / "d/train.json"), "that split is read from another format"),
    ]


def test_what_datasets_saved_to_disk_is_read_with_its_class_names(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])})
    one = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features)
    hidden = datasets.Dataset.from_dict({"text": ["c", "d"], "label": [-1, -1]}, features)
    one.save_to_disk(tmp_path / "single")
    datasets.DatasetDict(train=one, validation=one, test=hidden).save_to_disk(tmp_path / "several")
    for name in ("single", "several"):
        source = load(tmp_path / name)
        assert source.class_names == ["pos", "neg"]
        assert source.splits["train"].labels.tolist() == [1, 0]
    assert source.splits.keys() == {"train", "val"}
    assert "no test split: its labels are all empty or -1" in source.notes
    assert [reason for _, reason in source.ignored] == ["it has no labels"]


@pytest.mark.parametrize("name", ["book.xlsx", "t.csv.gz", "t.pdf"])
def test_what_is_no_table_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    start = {"book.xlsx": b"PK\x03\x04", "t.csv.gz": b"\x1f\x8b", "t.pdf": b"%PDF"}[name]
    (tmp_path / name).write_bytes(start + bytes(100))
    with pytest.raises(ValueError, match=r"cannot be read: it is (an Excel workbook or an archive|packed|a PDF)"):
        load(tmp_path / name)
