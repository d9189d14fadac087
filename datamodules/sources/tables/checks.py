"""Checks on untrusted tables, before they are parsed and while their columns are counted."""

from __future__ import annotations

from pathlib import Path

# Parsers take time and memory for every column.
LARGEST_COLUMNS = 1000
# A column of a few bytes that grows to this size, and by this factor, was made to fill the memory.
BOMB_BYTES, BOMB_FACTOR = 50_000_000, 200
HEADER_BYTES = 1_000_000


def check_table(file: Path, kind: str) -> None:
    """Refuse a file that its parser cannot be trusted with.

    Args:
        kind: parquet, arrow, json or delimited.

    Raises:
        ValueError: empty, more than a thousand columns, or a decompression bomb.
    """
    if not file.stat().st_size:
        raise ValueError("it is empty")
    if kind == "parquet":
        _check_parquet(file)
    elif kind == "delimited":
        with file.open("rb") as content:
            check_columns(content.readline(HEADER_BYTES).count(b",") + 1)


def check_columns(count: int) -> None:
    """Refuse a table with more than a thousand columns."""
    if count > LARGEST_COLUMNS:
        raise ValueError(f"it has more than {LARGEST_COLUMNS} columns; keep those with the items and the labels")


def _check_parquet(file: Path) -> None:
    import pyarrow.parquet as pq

    found = pq.read_metadata(file)
    check_columns(found.num_columns)
    for group in map(found.row_group, range(found.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            size = column.total_uncompressed_size
            if size > max(BOMB_BYTES, BOMB_FACTOR * column.total_compressed_size):
                raise ValueError(f"its column {column.path_in_schema!r} unpacks to {size / 1e6:,.0f} MB")
