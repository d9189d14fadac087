"""Batches cover the data once, in an order that depends on seed and epoch alone."""

import sys
from typing import Any

import pytest
import torch
from lightning.fabric.utilities.data import _replace_dunder_methods, _update_dataloader
from lightning.pytorch.overrides.distributed import UnrepeatedDistributedSampler, _IndexBatchSamplerWrapper
from torch.utils.data import BatchSampler, DataLoader, Dataset, DistributedSampler, SequentialSampler

from datamodules.batches.loader import EpochShuffle, LengthBuckets, OneShuffle, batch_loader, share


class Numbers(Dataset[Any]):
    """Batches are the positions that they were asked for."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitems__(self, indices: list[int]) -> list[int]:
        return indices


def flat(batches: Any) -> list[int]:
    return [position for batch in batches for position in batch]


def test_a_shuffle_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        shuffle = EpochShuffle(100, seed)
        torch.rand(3)  # the global generator must not matter
        shuffle.set_epoch(epoch)
        return list(shuffle)

    assert order(1, 0) == order(1, 0)
    assert sorted(order(1, 5)) == list(range(100))
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1, 2)}) == 6


def test_one_shuffle_is_the_order_of_epoch_0_in_every_epoch_and_goes_on_within_one() -> None:
    first = list(EpochShuffle(10, seed=1))
    shuffle = OneShuffle(10, seed=1)
    shuffle.set_epoch(3)
    assert list(shuffle) == first
    loader = batch_loader(Numbers(10), 4, 0, seed=1, start=(3, 1), shuffle=OneShuffle)
    assert list(loader) == [first[4:8], first[8:]]


def test_a_shuffle_repeats_within_an_epoch() -> None:
    shuffle = EpochShuffle(50, seed=0)
    assert list(shuffle) == list(shuffle)
    assert len(shuffle) == 50


@pytest.mark.parametrize(("count", "batch_size"), [(100, 8), (96, 8), (5, 8), (1, 1)])
def test_buckets_cover_every_item_once(count: int, batch_size: int) -> None:
    lengths = torch.randint(1, 400, (count,)).tolist()
    buckets = LengthBuckets(EpochShuffle(count, 0), batch_size, False, lengths, window=3)
    batches = list(buckets)
    assert sorted(flat(batches)) == list(range(count))
    assert len(batches) == len(buckets)
    assert max(map(len, batches)) <= batch_size


@pytest.mark.parametrize("lengths", [None, torch.randint(1, 400, (200,)).tolist()], ids=["plain", "bucketed"])
@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (33, [33]),
        (65, [32, 33]),
        (64, [32, 32]),
        (34, [32, 2]),
        (1, [1]),
        (32, [32]),
    ],
)
def test_a_last_training_batch_of_one_joins_the_one_before(count: int, sizes: list[int], lengths: Any) -> None:
    loader = batch_loader(Numbers(count), 32, 0, seed=1, lengths=lengths and lengths[:count])
    batches = list(loader)
    assert sorted(map(len, batches)) == sorted(sizes)
    assert len(loader) == len(sizes)
    assert sorted(flat(batches)) == list(range(count))
    for done in range(len(sizes)):
        resumed = batch_loader(Numbers(count), 32, 0, seed=1, lengths=lengths and lengths[:count], start=(0, done))
        assert list(resumed) == batches[done:]


def test_a_window_of_one_item_joins_the_one_before() -> None:
    lengths = list(range(13))
    batches = list(LengthBuckets(EpochShuffle(13, 0), 4, False, lengths, window=3, fewest=2))
    assert sorted(map(len, batches)) == [4, 4, 5]
    assert sorted(flat(batches)) == lengths


def test_the_last_batch_of_an_evaluation_may_be_one_item() -> None:
    assert [len(batch) for batch in batch_loader(Numbers(33), 32, 0)] == [32, 1]


def test_dropping_the_last_batch_leaves_full_ones_only() -> None:
    buckets = LengthBuckets(EpochShuffle(100, 0), 8, True, list(range(100)), window=3)
    assert [len(batch) for batch in buckets] == [8] * 12
    assert len(buckets) == 12


def test_buckets_save_most_of_the_padding() -> None:
    lengths = torch.randint(10, 400, (2000,), generator=torch.Generator().manual_seed(0)).tolist()

    def padded(batches: Any) -> int:
        return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)

    shuffle = EpochShuffle(2000, 0)
    bucketed = padded(LengthBuckets(shuffle, 32, False, lengths))
    assert bucketed < 1.1 * sum(lengths)
    assert padded(BatchSampler(shuffle, 32, False)) > 1.6 * sum(lengths)


def test_batches_do_not_come_in_order_of_length() -> None:
    lengths = list(range(1000))
    first = [batch[0] for batch in LengthBuckets(EpochShuffle(1000, 0), 10, False, lengths, window=50)]
    assert first not in (sorted(first), sorted(first, reverse=True))


def test_the_longest_batch_comes_first_and_the_rest_as_drawn() -> None:
    lengths = torch.randint(1, 400, (1000,), generator=torch.Generator().manual_seed(0)).tolist()
    shuffle = EpochShuffle(1000, 0)
    drawn = list(shuffle)
    batches = list(LengthBuckets(shuffle, 10, False, lengths, window=20))
    longest = max(drawn[:200], key=lambda i: lengths[i])
    assert lengths[longest] in [lengths[i] for i in batches[0]]
    first_drawn = [min(drawn.index(i) for i in batch) for batch in batches]
    assert first_drawn[1:] == sorted(first_drawn[1:])


def test_fewer_items_than_a_batch_are_none_when_the_last_is_dropped() -> None:
    assert list(LengthBuckets(EpochShuffle(5, 0), 10, True, [1] * 5)) == []


def test_lightning_can_put_a_distributed_sampler_below_the_buckets() -> None:
    lengths = list(range(64))
    with _replace_dunder_methods(DataLoader, "dataset"), _replace_dunder_methods(BatchSampler):
        loader = batch_loader(Numbers(64), 8, 0, seed=1, lengths=lengths)
    seen = []
    for rank in range(2):
        sampler: Any = DistributedSampler(Numbers(64), num_replicas=2, rank=rank, seed=3)
        share = _update_dataloader(loader, sampler)
        assert isinstance(share.batch_sampler, LengthBuckets)
        assert share.batch_sampler.sampler is sampler
        assert len(list(share)) == 4
        seen += flat(share)
    assert sorted(seen) == list(range(64))


@pytest.mark.parametrize("processes", [2, 3, 8])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
@pytest.mark.parametrize("bucketed", [False, True])
def test_processes_share_every_item_once_in_equally_many_batches(
    processes: int, batch_size: int, bucketed: bool
) -> None:
    for count in range(processes, 90):
        lengths = [1 + 7 * i % 40 for i in range(count)] if bucketed else None
        alone = list(batch_loader(Numbers(count), batch_size, 0, lengths=lengths))
        shares = [share(alone, rank, processes) for rank in range(processes)]
        assert sorted(position for own in shares for position in flat(own)) == list(range(count))
        assert len(set(map(len, shares))) == 1
        sizes = [len(batch) for own in shares for batch in own]
        assert min(sizes) >= 1
        assert max(sizes) <= batch_size + 1
        whole = [batch for own in shares for batch in own[:-1]]
        assert all(batch in alone for batch in whole)  # padded, and rounded, as by one process


def test_lightning_makes_evaluating_processes_share_a_split_without_repeating_items() -> None:
    with _replace_dunder_methods(DataLoader, "dataset"), _replace_dunder_methods(BatchSampler):
        loader = batch_loader(Numbers(101), 8, 0, lengths=list(range(101)))
    for distributed in (DistributedSampler, UnrepeatedDistributedSampler):
        seen = []
        for rank in range(2):
            sampler: Any = distributed(Numbers(101), num_replicas=2, rank=rank, shuffle=False)
            loaded = _update_dataloader(loader, sampler)
            assert len(loaded) == 7
            seen += flat(loaded)
        assert sorted(seen) == list(range(101))


def test_lightning_can_track_the_indices_of_the_buckets() -> None:
    wrapped = _IndexBatchSamplerWrapper(LengthBuckets(SequentialSampler(range(10)), 4, False, list(range(10))))
    assert sorted(flat(wrapped)) == list(range(10))


def test_a_loader_keeps_the_order_unless_it_has_a_seed() -> None:
    assert list(batch_loader(Numbers(5), 2, 0)) == [[0, 1], [2, 3], [4]]
    shuffled = batch_loader(Numbers(100), 10, 0, seed=1)
    assert sorted(flat(shuffled)) == list(range(100))
    assert flat(shuffled) != list(range(100))


def test_a_loader_with_lengths_buckets_with_and_without_shuffling() -> None:
    lengths = [5, 1, 5, 1]
    assert list(batch_loader(Numbers(4), 2, 0, lengths=lengths)) == [[0, 2], [1, 3]]
    assert sorted(map(sorted, batch_loader(Numbers(4), 2, 0, seed=1, lengths=lengths))) == [[0, 2], [1, 3]]


def test_a_worker_that_loses_its_main_process_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    worker_init = batch_loader(Numbers(4), 2, num_workers=1).worker_init_fn
    assert worker_init is not None
    worker_init(0)
    sys.excepthook(ConnectionResetError, ConnectionResetError("gone"), None)
    assert capsys.readouterr().err == ""
    sys.excepthook(KeyError, KeyError("lost"), None)
    assert "KeyError" in capsys.readouterr().err
