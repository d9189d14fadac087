"""What a person finds an item of data by."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def name_item(items: Any, index: int, split: str, folder: Path) -> str:
    """The file of an item, relative to the folder of the data if it lies in there; or the row of its split, from 0.

    Args:
        items: those of a split, as in ``Examples``; of a table they know their rows as ``positions``.
        index: place among them.
        split: the one that they were found in.
    """
    item = items[index]
    if isinstance(item, Path):
        return str(item.relative_to(folder) if item.is_relative_to(folder) else item)
    row = items.positions[index] if hasattr(items, "positions") else index
    return f"{split} row {row}"
