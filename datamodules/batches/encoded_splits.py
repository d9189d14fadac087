"""Encoding data once as it was found; the splits that are used are choices of what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.sources.item_names import name_item
from datamodules.sources.source import Examples, Source

Encode = Callable[[Any, np.ndarray, str], tuple[Dataset[Any], np.ndarray, list[tuple[str, str]]]]
# Of data of which less is used, such as for a quick look at a few of its items, only that is encoded.
LEAST_SHARE = 0.5


class EncodedSplits(NamedTuple):
    """The data set and readable examples of each split, and (item, reason) for everything that was not readable."""

    datasets: dict[str, Any]
    readable: dict[str, Examples]
    skipped: list[tuple[str, str]]


def encode_splits(found: Source, used: Source, encode: Encode, whole: bool = False) -> EncodedSplits:
    """Encode each split that was found, and choose from it what is used.

    Args:
        used: the splits that are used; its ``rows`` say of which found items they consist.
        encode: from items, labels and the split's name to a data set of the readable ones, their positions, and
            (item, reason) for each of the others in order.
        whole: whether to encode all that was found, for others that use another part of it.
    """
    encoded = EncodedSplits({}, {}, [])
    for name, examples in found.splits.items():
        rows = {
            split: used.rows.get(split, np.arange(len(examples)))
            for split in used.splits
            if name == (split if split in found.splits else "train")
        }
        wanted = np.unique(np.concatenate(list(rows.values())))
        if whole or len(wanted) >= LEAST_SHARE * len(examples):
            wanted = np.arange(len(examples))
        part = examples if len(wanted) == len(examples) else examples.take(wanted)
        dataset, kept, unreadable = encode(part.items, part.labels, name)
        places = np.full(len(examples), -1)  # of each found item in the data set
        places[wanted[kept]] = np.arange(len(kept))
        reasons = dict(zip(np.setdiff1d(wanted, wanted[kept]).tolist(), unreadable, strict=True))
        for split, own in rows.items():
            _choose(encoded, split, used.splits[split], dataset, places[own])
            lost = own[places[own] < 0].tolist()
            encoded.skipped.extend((name_item(examples.items, row, name, Path()), reasons[row][1]) for row in lost)
    return encoded


def _choose(encoded: EncodedSplits, split: str, examples: Examples, dataset: Any, places: np.ndarray) -> None:
    """Add a split, of whose examples each is at a place in the data set, or at -1."""
    readable = np.flatnonzero(places >= 0)
    encoded.readable[split] = examples if len(readable) == len(places) else examples.take(readable)
    encoded.datasets[split] = _taken(dataset, places[readable])


def _taken(dataset: Any, positions: np.ndarray) -> Any:
    if np.array_equal(positions, np.arange(len(dataset))):
        return dataset
    return dataset.take(positions) if hasattr(dataset, "take") else TakenItems(dataset, positions)


class TakenItems(Dataset[Any]):
    """The items at int64 ``positions`` (n,) of a data set that hands out whole batches and has no ``take``."""

    def __init__(self, dataset: Any, positions: np.ndarray) -> None:
        self.dataset = dataset
        self.positions = positions
        lengths = getattr(dataset, "lengths", None)
        self.lengths = None if lengths is None else [lengths[i] for i in positions.tolist()]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitems__(self, indices: list[int]) -> Any:
        batch = self.dataset.__getitems__(self.positions[indices].tolist())
        return batch._replace(index=torch.tensor(indices, device=batch.index.device))
