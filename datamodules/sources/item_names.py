"""Names by which a person finds an item of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from datamodules.sources.joined_items import JoinedItems


def item_name(item: object, split: str, row: int) -> str:
    """An item's file, or its row of the split, from 0."""
    return str(item) if isinstance(item, Path) else f"{split} row {row}"


def name_item(items: Any, index: int, split: str, folder: Path, rows: np.ndarray | None = None) -> str:
    """The file of an item, relative to the folder of the data if it lies in there; or the row of its split, from 0.

    Args:
        items: those of a split, as in ``Examples``; of a table they know their rows as ``positions``.
        index: place among them.
        split: the one that they were found in.
        rows: int64 (n,), the places there of items that do not know them; those among these items when unset.
    """
    if isinstance(items, JoinedItems):
        found_in, place = items.place_of(index)
        return name_item(items.parts[found_in], place, found_in, folder)
    item = items[index]
    if isinstance(item, Path) and item.is_relative_to(folder):
        item = item.relative_to(folder)
    known = getattr(items, "positions", rows)
    return item_name(item, split, index if known is None else int(known[index]))
