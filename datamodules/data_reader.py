"""The five things that data of one's own has to say: where its items come from, and what becomes of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from datamodules.sources.source import Source


class DataReader(ABC):
    """Finds items in a sample, on the hub or in a path, and encodes them."""

    @abstractmethod
    def load_sample(self) -> Source:
        """The embedded sample."""

    @abstractmethod
    def load_path(self, path: Path) -> Source:
        """The data in a file or folder that exists."""

    @abstractmethod
    def load_hub(self) -> Source:
        """The real data set, downloaded into data/ on first use."""

    @abstractmethod
    def encode(self, items: Any, labels: np.ndarray, title: str) -> tuple[Dataset[Any], Any, list[tuple[str, str]]]:
        """Items as a data set of whole batches, the positions of those that were readable, and the others' reasons."""

    @abstractmethod
    def read_inputs(self, path: Path) -> Iterable[tuple[str, Any]]:
        """(name, item) for each unlabelled input in a file or folder, in order.

        An item is what ``encode`` takes, or an ``Unreadable`` or ``NotAnInput`` in its place.

        Raises:
            ValueError: a file that cannot be read.
        """
