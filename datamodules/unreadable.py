"""What cannot be read is left out and listed; where it is too much, the run stops."""

from __future__ import annotations

from typing import Any

from datamodules.image_decoding import item_name

LARGEST_SHARE = 0.05


def check_unreadable(unreadable: list[tuple[str, str]], total: int) -> None:
    """Refuse data of which too much is unreadable.

    Args:
        unreadable: (item, reason) for each.
        total: items, the unreadable ones counted.

    Raises:
        ValueError: more than a twentieth of them.
    """
    if len(unreadable) > LARGEST_SHARE * total:
        raise ValueError(
            f"{len(unreadable)} of {total} items cannot be read, more than {LARGEST_SHARE:.0%}: "
            f"the first is {unreadable[0][0]} ({unreadable[0][1]})"
        )


def lost_items(dataset: Any, split: str) -> list[tuple[str, str]]:
    """(item, reason) for what a streamed data set could not decode again."""
    positions = dataset.lost.nonzero()[:, 0].tolist()
    return [(item_name(dataset.items[i], split, i), "could be read at first, and no longer") for i in positions]
