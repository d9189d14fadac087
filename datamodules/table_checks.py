"""What a table is refused for before a parser sees it that it would crash, or keep busy for minutes."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

LARGEST_COLUMNS = 1000
# pandas and datasets take time and memory for every column; Arrow's JSON parser runs out of stack at some depth.
DEEPEST_NESTING = 64
# A column of a few bytes that grows to this size, and by this factor, was made to fill the memory.
BOMB_BYTES, BOMB_FACTOR = 50_000_000, 200
HEADER_BYTES = 1_000_000
# Strings (with the colon that makes one a key), brackets, and anything else that is not punctuation.
JSON_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?\s*+:?|[\[{]|[\]}]|[^\s"\[\]{},:]++', re.DOTALL)


def check_table(file: Path) -> None:
    """Refuse a Parquet, CSV or JSON file that its parser cannot be trusted with.

    Raises:
        ValueError: empty, more than a thousand columns, nested deeply, JSON without objects, or a decompression bomb.
    """
    suffix = file.suffix.lower()
    if not file.stat().st_size:
        raise ValueError("it is empty")
    if suffix == ".parquet":
        _check_parquet(file)
    elif suffix == ".csv":
        with file.open("rb") as content:
            _check_columns(content.readline(HEADER_BYTES).count(b",") + 1)
    else:
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _check_json(content)


def _check_columns(count: int) -> None:
    if count > LARGEST_COLUMNS:
        raise ValueError(f"it has more than {LARGEST_COLUMNS} columns; keep those with the items and the labels")


def _check_parquet(file: Path) -> None:
    import pyarrow.parquet as pq

    found = pq.read_metadata(file)
    _check_columns(found.num_columns)
    for group in map(found.row_group, range(found.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            size = column.total_uncompressed_size
            if size > max(BOMB_BYTES, BOMB_FACTOR * column.total_compressed_size):
                raise ValueError(f"its column {column.path_in_schema!r} unpacks to {size / 1e6:,.0f} MB")


def _check_json(content: mmap.mmap) -> None:
    """Of deep nesting, and of `null` in the place of an object, Arrow's parser crashes the process."""
    depth, names = 0, set()
    for token in JSON_TOKENS.finditer(content):
        first = content[token.start()]
        if first in b"[{":
            depth += 1
            if depth > DEEPEST_NESTING:
                raise ValueError(f"it is nested more than {DEEPEST_NESTING} deep")
        elif first in b"]}":
            depth = max(depth - 1, 0)
        elif depth == 0:
            raise ValueError(f"it holds {token[0][:20].decode(errors='replace')} where an object should be")
        elif depth <= 2 and content[token.end() - 1] == ord(":"):
            names.add(token[0])
            _check_columns(len(names))
