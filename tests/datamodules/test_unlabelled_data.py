from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.sources.labels.nothing import no_labels
from datamodules.sources.source import Examples, Source
from datamodules.unlabelled_data import UnlabelledData


class Numbers(UnlabelledData):
    """Rows of numbers of one's own."""

    def load_sample(self) -> Source:
        rows = np.arange(60, dtype=np.float32).reshape(30, 2)
        return Source("numbers", [], {"train": Examples(rows, no_labels(30))})

    load_hub = load_sample

    def load_path(self, path: Path) -> Source:
        raise NotImplementedError

    def encode(self, items: Any, labels: Any, title: str) -> Any:
        raise NotImplementedError

    def read_inputs(self, path: Path) -> Iterable[tuple[str, Any]]:
        raise NotImplementedError


def test_items_of_ones_own_need_no_labels_to_be_cut_into_splits() -> None:
    data = Numbers()
    data.follow("nothing")
    assert {name: len(found) for name, found in data.source_found.splits.items()} == {"train": 24, "val": 3, "test": 3}
    assert data.class_names == []


def test_a_classifier_cannot_learn_from_them() -> None:
    with pytest.raises(ValueError, match="Numbers has nothing beside each item; the model learns from a class"):
        Numbers().follow("class")
