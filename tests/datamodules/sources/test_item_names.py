from pathlib import Path

import numpy as np

from datamodules.sources.item_names import name_item


class Column(list[str]):
    """Rows of a table of which some were chosen."""

    positions = np.array([30, 10, 20])


def test_a_file_is_named_within_the_folder_of_the_data_and_whole_outside_of_it() -> None:
    files = [Path("photos/test/cat/1.png"), Path("/elsewhere/2.png")]
    assert name_item(files, 0, "test", Path("photos")) == "test/cat/1.png"
    assert name_item(files, 1, "test", Path("photos")) == "/elsewhere/2.png"


def test_a_row_is_named_where_it_stands_in_its_table() -> None:
    assert name_item(Column(["c", "a", "b"]), 1, "train", Path("t.csv")) == "train row 10"
    assert name_item(np.zeros((3, 8, 8, 1), np.uint8), 2, "val", Path("sample")) == "val row 2"
    assert name_item(np.zeros((2, 8)), 1, "train", Path("sample"), np.array([4, 7])) == "train row 7"  # cut from there


def test_an_image_that_a_table_names_is_a_file() -> None:
    items = [Path("data/images/4.png")]
    assert name_item(items, 0, "train", Path("data")) == "images/4.png"
