"""A column of a table behaves as the list of its values."""

import numpy as np
import pyarrow as pa
import pytest

from datamodules.arrow_column import ITEMS_AT_ONCE, ArrowColumn

VALUES = [f"text {i}" for i in range(2 * ITEMS_AT_ONCE + 5)]


@pytest.fixture
def column() -> ArrowColumn:
    chunks = pa.chunked_array([VALUES[:7], VALUES[7:1500], VALUES[1500:]])
    return ArrowColumn(chunks, str.upper)


def test_items_are_converted_wherever_they_are_asked_for(column: ArrowColumn) -> None:
    expected = [value.upper() for value in VALUES]
    assert list(column) == expected
    assert (column[0], column[7], column[-1]) == (expected[0], expected[7], expected[-1])
    assert column[5:9] == expected[5:9]
    assert len(column) == len(expected)


def test_a_choice_of_a_choice_keeps_its_order(column: ArrowColumn) -> None:
    chosen = column.take(np.array([1600, 3, 9])).take(np.array([2, 0]))
    assert list(chosen) == ["TEXT 9", "TEXT 1600"]
    assert (chosen[0], chosen[1]) == ("TEXT 9", "TEXT 1600")
