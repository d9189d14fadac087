import json
from pathlib import Path
from typing import Any

import pytest

from datamodules.review_words import ReviewWords
from datamodules.sources.unreadable import check_unreadable
from tests.conftest import Cli


def test_a_twentieth_may_be_unreadable_and_no_more() -> None:
    check_unreadable([], 0, 0.05)
    check_unreadable([("a", "x")] * 5, 100, 0.05)
    with pytest.raises(
        ValueError,
        match=r"^6 of 100 items cannot be read, more than 5%: the first is a \(x\); "
        r"--data.max_unreadable_share=0.06 goes on without them$",
    ):
        check_unreadable([("a", "x")] * 6, 100, 0.05)
    check_unreadable([("a", "x")] * 6, 100, 0.06)


def corrupt_images(folder: Path, count: int) -> str:
    """Cut short, empty, of something else, or gone as many image files."""
    for i, path in enumerate(sorted(folder.rglob("*.png"))[:: len(list(folder.rglob("*.png"))) // count][:count]):
        path.write_bytes([path.read_bytes()[:500], b"", b"not an image", bytes(1000)][i % 4])
    return str(folder)


def corrupt_texts(folder: Path, count: int, empty: int = 0) -> str:
    """A table of 2,000 reviews, as many of which have no label, and others no text but blanks."""
    rows = [f"film number {i} was fine,{'good' if i % 2 else 'bad'}" for i in range(2000)]
    rows[: 2 * count : 2] = [f"film number {i} was fine,{['', '   '][i % 2]}" for i in range(count)]
    rows[1 : 2 * empty : 2] = [f"{['', '   '][i % 2]},good" for i in range(empty)]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *rows]))
    return str(folder / "reviews.csv")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["images", "streamed images", "texts"])
def test_of_two_thousand_items_one_percent_corrupt_is_counted_and_ten_percent_stops(
    kind: str, experiment: Cli, write_images: Any, tmp_path: Path
) -> None:
    images = write_images({"a": 1000, "b": 1000})
    streamed = ("--data.memory_budget_gb=1e-9", "--data.num_workers=1") if kind == "streamed images" else ()
    name = "imdb_lstm" if kind == "texts" else "mnist_mlp"
    for count in (20, 200):
        source = corrupt_texts(tmp_path, count) if kind == "texts" else corrupt_images(images, count)
        options = ("--trainer.max_epochs=1", "--loggers=[csv]", *streamed)
        outcome = experiment(name, f"--data.source={source}", *options)
        if count == 200:
            assert outcome.code == 2
            assert "200 of 2000 items cannot be read, more than 5%: the first is " in outcome.err
            assert outcome.err.count("\n") == 1
            continue
        assert outcome.code == 0
        data = json.loads((tmp_path / "runs" / name / "latest" / "results.json").read_text())["data"]
        assert len(data["skipped"]) == 20
        assert data["train"] + data["val"] + data["test"] == 1980
        assert "skipped    20 items, listed in results.json" in outcome.out
        print(f"| 2,000 {kind} | 1% corrupt: finished, 20 skipped; 10%: stopped in one line |")


def test_rows_without_a_label_count_and_empty_ones_do_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^200 of 1700 items cannot be read, more than 5%: the first is train row 0 "):
        ReviewWords(source=corrupt_texts(tmp_path, 200, empty=300)).setup()
    assert len(ReviewWords(source=corrupt_texts(tmp_path, 20, empty=300)).skipped) == 320
    more = ReviewWords(source=corrupt_texts(tmp_path, 200, empty=300), max_unreadable_share=0.12)
    assert (len(more.skipped), sum(more.sizes.values())) == (500, 1500)


def test_of_a_subset_the_rows_without_a_label_are_a_share_of_the_whole_table(tmp_path: Path) -> None:
    data = ReviewWords(source=corrupt_texts(tmp_path, 40, empty=300), train_size=100)
    assert data.sizes["train"] == 100
    assert len(data.skipped) == 340
