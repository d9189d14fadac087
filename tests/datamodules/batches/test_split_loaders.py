from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from datamodules.batches.images import InMemoryImages
from datamodules.batches.split_loaders import SplitLoaders, hold_on_device

SIZES = {"train": 20, "val": 6, "test": 5}


class Loaders(SplitLoaders):
    datasets = {  # noqa: RUF012
        split: InMemoryImages(np.zeros((n, 2, 2, 1), np.uint8), np.zeros(n, np.int64)) for split, n in SIZES.items()
    }


class Held:
    """A data set of so many bytes, which says where it was moved to."""

    def __init__(self, size: int) -> None:
        self.bytes = size
        self.device: torch.device | None = None

    def to(self, device: torch.device) -> None:
        self.device = device


def order(loader: Any) -> list[list[int]]:
    return [batch.index.tolist() for batch in loader]


def test_training_is_shuffled_and_the_other_splits_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    data = Loaders(batch_size=4, num_workers=None, keep_on_device=True)
    drawn = [item for batch in order(data.train_dataloader()) for item in batch]
    assert sorted(drawn) == list(range(20)) != drawn
    assert order(data.val_dataloader()) == [[0, 1, 2, 3], [4, 5]]
    assert order(data.test_dataloader()) == order(data.predict_dataloader()) == [[0, 1, 2, 3], [4]]


def test_a_resumed_epoch_has_the_batches_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    data = Loaders(batch_size=4, num_workers=None, keep_on_device=True)
    whole = order(data.train_dataloader())
    data.start = (0, 3)
    assert order(data.train_dataloader()) == whole[3:]
    assert order(data.val_dataloader()) == [[0, 1, 2, 3], [4, 5]]


@pytest.mark.parametrize(("given", "named"), [((0, None), "batch_size=0"), ((1, -1), "num_workers=-1")])
def test_sizes_that_make_no_sense_are_named(given: tuple[int, int | None], named: str) -> None:
    with pytest.raises(ValueError, match=f"data.{named} must be at least"):
        Loaders(*given, keep_on_device=True)


@pytest.mark.parametrize(("sizes", "moved"), [((30, 15), True), ((30, 20), False)])
def test_data_goes_to_the_gpu_where_it_fills_less_than_half_of_it(
    monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int], moved: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (100, 200))
    held = [Held(size) for size in sizes]
    hold_on_device([*held, "a streamed one"], torch.device("cuda"))
    assert [data.device == torch.device("cuda") for data in held] == [moved, moved]
