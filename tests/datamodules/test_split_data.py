"""What every data module promises: which data, how split, what skipped, in batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.batches import encoded_cache
from datamodules.cifar10 import CIFAR10
from datamodules.mnist import MNIST
from datamodules.review_words import ReviewWords
from datamodules.split_data import SplitData


def films(path: Path, count: int = 40) -> Path:
    rows = [f"film number {i},{'good' if i % 2 else 'bad'}" for i in range(count)]
    path.write_text("\n".join(["text,label", *rows]))
    return path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "nowhere/at/all"}, "data.source='nowhere/at/all' does not exist; give sample, hub, or the path"),
        ({"source": "~nobody-at-all/x"}, "data.source='~nobody-at-all/x' does not exist"),
        ({"source": ""}, "data.source='' does not exist"),
        ({"source": "empty"}, "data.source='empty' is an empty folder"),
        ({"source": "films.tar.gz"}, "data.source='films.tar.gz' is an archive: unpack it and give the folder"),
        ({"source": "/dev/zero"}, "data.source='/dev/zero' is neither a file nor a folder"),
        ({"source": "notes.txt"}, "data.source='notes.txt' is a file, but not one of .parquet"),
    ],
)
def test_a_source_that_is_not_there_is_refused(options: dict[str, Any], message: str) -> None:
    Path("empty").mkdir()
    Path("notes.txt").touch()
    Path("films.tar.gz").touch()
    with pytest.raises(ValueError, match=message):
        MNIST(**options).setup()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_fraction": 0.0}, "data.val_fraction=0.0 must lie between 0 and 1"),
        ({"test_fraction": 1.5}, "data.test_fraction=1.5 must lie between 0 and 1"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "leave nothing to train on"),
        ({"batch_size": 0}, "data.batch_size=0 must be at least 1"),
        ({"train_size": 0}, "data.train_size=0 must be at least 1"),
        ({"num_workers": -1}, "data.num_workers=-1 must be at least 0"),
    ],
)
def test_options_out_of_range_are_refused_when_built(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReviewWords(**options)


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    films(tmp_path / "films.csv")
    assert ReviewWords(source="~/films.csv").sizes == {"train": 32, "val": 4, "test": 4}


def test_missing_splits_are_cut_and_said_so(tmp_path: Path) -> None:
    data = ReviewWords(source=str(films(tmp_path / "films.csv")), val_fraction=0.2, test_fraction=0.1)
    assert data.sizes == {"train": 28, "val": 8, "test": 4}
    assert data.source_found.notes == [
        "There is no test split, so 4 of the 40 training texts were set aside for the test (seed 0). "
        "That is few: the score may be off by 35 points",
        "There is no val split, so 8 of the 40 training texts were set aside for validation (seed 0)",
    ]
    assert data.class_names == ["bad", "good"]
    assert data.num_classes == 2


def test_train_size_leaves_validation_and_test_alone(tmp_path: Path) -> None:
    path = str(films(tmp_path / "films.csv", 100))
    whole, small = ReviewWords(source=path), ReviewWords(source=path, train_size=10)
    assert small.sizes == {"train": 10, "val": 10, "test": 10}
    for split in ("val", "test"):
        assert list(small.source_found.splits[split].items) == list(whole.source_found.splits[split].items)
    assert set(small.source_found.splits["train"].items) < set(whole.source_found.splits["train"].items)
    assert small.fingerprint != whole.fingerprint


def test_the_split_seed_decides_the_cut_and_the_training_seed_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(films(tmp_path / "films.csv", 100))
    first = ReviewWords(source=path).fingerprint
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    assert ReviewWords(source=path).fingerprint == first
    assert ReviewWords(source=path, split_seed=1).fingerprint != first


def test_unreadable_images_are_skipped_counted_and_listed(write_images: Any) -> None:
    folder = write_images({"train/a": 50, "train/b": 50, "val/a": 10, "val/b": 10})
    (folder / "train/a/007.png").write_bytes(b"no image")
    (folder / "val/b/003.png").write_bytes(b"")
    (folder / "train/a/readme.txt").write_text("x")
    data = CIFAR10(source=str(folder), test_fraction=0.2)
    assert sum(data.sizes.values()) == 118
    assert data.sizes["val"] == 19
    assert {Path(item).name for item, _ in data.skipped} == {"007.png", "003.png"}
    assert [Path(item).name for item, _ in data.source_found.ignored] == ["readme.txt"]
    for split in ("train", "val", "test"):
        images = list(data.loader(split))
        assert sum(len(batch.label) for batch in images) == data.sizes[split]


def test_labels_stay_with_their_images_when_some_are_skipped(write_images: Any) -> None:
    folder = write_images({"train/a": 30, "train/b": 30, "test/a": 5, "test/b": 5})
    (folder / "train/a/001.png").write_bytes(b"no image")
    data = CIFAR10(source=str(folder), val_fraction=0.1)
    dataset: Any = data.encoded_splits[0]["train"]
    for index in range(data.sizes["train"]):
        path = data.encoded_splits[1]["train"].items[index]
        assert data.class_names[dataset.labels[index]] == path.parent.name
        image = dataset.__getitems__([index]).image[0].permute(1, 2, 0)
        assert (data.item("train", index) == image.numpy()).all()


@pytest.mark.parametrize(("broken", "stops"), [(5, False), (6, True)])
def test_more_than_five_percent_of_unreadable_images_stop_the_run(write_images: Any, broken: int, stops: bool) -> None:
    folder = write_images({"train/a": 40, "train/b": 40, "val/a": 10, "val/b": 0, "test/a": 5, "test/b": 5})
    (folder / "val/b").rmdir()
    for i in range(broken):
        (folder / f"train/a/{i:03}.png").write_bytes(b"no image")
    for i in range(30):
        (folder / f"train/b/{i}.txt").touch()  # other file types do not count
    data = CIFAR10(source=str(folder))
    if not stops:
        assert len(data.skipped) == 5
        return
    with pytest.raises(ValueError, match=r"6 of 100 items cannot be read, more than 5%: the first is .*000\.png"):
        data.setup()


def test_training_order_follows_the_training_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = MNIST(image_size_px=28, batch_size=4000)

    def order() -> list[int]:
        index: list[int] = next(iter(data.train_dataloader())).index.tolist()
        return index

    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    first = order()
    assert first == order()
    monkeypatch.setenv("PL_GLOBAL_SEED", "2")
    assert sorted(first) == sorted(order())
    assert first != order()


def test_prediction_keeps_the_order_of_the_test_split_and_evaluation_buckets(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = [f'{{"text": "{"word " * (1 + 7 * i % 40)}", "label": {i % 2}}}' for i in range(200)]
    path.write_text("\n".join(lines))
    data = ReviewWords(source=str(path), batch_size=4, test_fraction=0.2)
    predicted = [index for batch in data.predict_dataloader() for index in batch.index.tolist()]
    tested = [index for batch in data.test_dataloader() for index in batch.index.tolist()]
    assert predicted == list(range(40))
    assert tested != predicted
    assert sorted(tested) == predicted


def test_nothing_is_looked_for_before_it_is_needed() -> None:
    data = MNIST(source="nowhere")
    data.prepare_data()
    assert isinstance(data, SplitData)
    with pytest.raises(ValueError, match="does not exist"):
        data.setup()


def test_preparing_hub_data_fetches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def load_hub(self: MNIST) -> Any:
        fetched.append(self.hub_name)
        return self.load_sample()

    monkeypatch.setattr(MNIST, "load_hub", load_hub)
    data = MNIST(source="hub", image_size_px=28)
    data.prepare_data()
    data.setup()
    assert fetched == [MNIST.hub_name]


def test_folds_of_data_with_its_own_splits_predict_each_item_once_and_share_what_is_encoded(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for split, count in (("train", 40), ("val", 10), ("test", 8)):
        rows = [f"{split} film {i},{'good' if i % 2 else 'bad'}" for i in range(count)]
        (tmp_path / f"films/{split}.csv").write_text("\n".join(["text,label", *rows]))
    tokenizer = ReviewWords(source=str(tmp_path / "films")).state_dict()
    names, ids, entries = [], [], set()
    for number in (1, 2, 3):
        data = ReviewWords(source=str(tmp_path / "films"), fold=f"{number}/3")
        data.load_state_dict(tokenizer)  # one for all: of each fold's own words each has its own
        assert sum(data.sizes.values()) == 50
        places = np.arange(data.sizes["test"])
        names += [data.item_name("test", place) for place in places.tolist()]
        ids += data.item_ids("test", places)
        assert [data.item("test", place) for place in range(3)] == [text_of(data, place) for place in range(3)]
        entries.add(frozenset(path.name for path in encoded_cache.CACHE.iterdir()))
        assert "The test split of 8 has no part in cross-validation" in data.source_found.notes
    assert sorted(names) == sorted([f"{s} row {i}" for s, count in (("train", 40), ("val", 10)) for i in range(count)])
    assert len(set(ids)) == 50
    assert len(entries) == 1


def text_of(data: ReviewWords, place: int) -> str:
    """The text that a name such as "val row 3" leads to."""
    split, _, row = data.item_name("test", place).partition(" row ")
    return f"{split} film {row}"
