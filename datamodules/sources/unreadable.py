"""Unreadable items are left out and listed; too many of them stop the run."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from math import ceil
from typing import Any, Protocol

from datamodules.sources.item_names import item_name


def check_unreadable(unreadable: list[tuple[str, str]], total: int, most: float) -> None:
    """Refuse data of which too much is damaged or without a label.

    Args:
        unreadable: (item, reason) for each.
        total: items, the unreadable ones counted.
        most: the largest share of them that may be.

    Raises:
        ValueError: more than that.
    """
    if len(unreadable) > most * total:
        enough = ceil(100 * len(unreadable) / total) / 100
        raise ValueError(
            f"{len(unreadable)} of {total} items cannot be read, more than {most:.0%}: the first is {unreadable[0][0]} "
            f"({unreadable[0][1]}); --data.max_unreadable_share={enough} goes on without them"
        )


class Indexed(Protocol):
    """A batch, of which the positions of its items in the split are enough here."""

    @property
    def index(self) -> Sized: ...


def check_lost(datasets: Mapping[str, Any], batch: Indexed, total: int, most: float) -> None:
    """Stop a run whose data goes away while it is streamed.

    Args:
        datasets: of each split.
        batch: what came of the next items.
        total: items of all splits.
        most: the largest share of them that may be lost.

    Raises:
        ValueError: nothing is left of the batch, or more than that cannot be read any more.
    """
    streamed = [dataset for dataset in datasets.values() if getattr(dataset, "streamed", False)]
    if any(dataset.newly_lost() for dataset in streamed) or not len(batch.index):
        lost = [item for split, dataset in datasets.items() for item in lost_items(dataset, split)]
        check_unreadable(lost, total, most)
        if not len(batch.index):
            raise ValueError(f"no item of a batch can be read any more: the first of all is {lost[0][0]}")


def lost_items(dataset: Any, split: str) -> list[tuple[str, str]]:
    """(item, reason) for what a data set could not decode again, if it is streamed."""
    if not getattr(dataset, "streamed", False):
        return []
    positions = dataset.lost.nonzero()[:, 0].tolist()
    return [(item_name(dataset.items[i], split, i), "could be read at first, and no longer") for i in positions]
