"""Rows are looked up only where that gives what computing them would."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.networks.probes.feature_rows import ShuffledRows


def rounding(last: Callable[[Tensor], Tensor]) -> tuple[ShuffledRows, list[int]]:
    """A backbone whose rows depend on their batch as ``last`` says."""
    sizes: list[int] = []

    def run(inputs: Tensor) -> Tensor:
        sizes.append(len(inputs))
        return inputs * 2 + last(inputs)

    return ShuffledRows(10, run), sizes


def test_a_size_that_rounds_differently_is_never_looked_up() -> None:
    kept, sizes = rounding(lambda inputs: torch.full_like(inputs, float(len(inputs) == 2)))
    items = torch.arange(10.0)[:, None]
    for order in (torch.arange(10), torch.arange(10).flip(0), torch.arange(10)):
        for index in order.split(4):
            assert torch.equal(kept.of(index, items[index]), items[index] * 2 + float(len(index) == 2))
    assert sizes[-1] == 2


def test_rows_that_depend_on_their_place_are_never_looked_up() -> None:
    kept, _ = rounding(lambda inputs: torch.arange(len(inputs))[:, None].float())
    items = torch.arange(10.0)[:, None]
    for index in (torch.arange(10), torch.arange(10).flip(0), torch.arange(10)):
        assert torch.equal(kept.of(index, items[index]), items[index] * 2 + torch.arange(10.0)[:, None])


def test_rows_come_back_in_the_memory_layout_that_they_had() -> None:
    kept = ShuffledRows(6, lambda images: images * 2)
    images = torch.randn(6, 2, 3, 3).contiguous(memory_format=torch.channels_last)
    for index in (torch.arange(6), torch.arange(6).flip(0)):
        rows = kept.of(index, images[index])
        assert rows.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(rows, images[index] * 2)
