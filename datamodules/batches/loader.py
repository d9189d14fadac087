"""Turning an indexed data set into batches: seeded shuffling and bucketing by length."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, islice, pairwise
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, DistributedSampler, Sampler, SequentialSampler

FEWEST_TRAINED = 2  # items of a training batch: a norm over a batch has no variance of one


class EpochShuffle(Sampler[int]):
    """A permutation that depends on (seed, epoch) alone, so that a resumed epoch sees the order it would have seen."""

    def __init__(self, length: int, seed: int) -> None:
        self.length = length
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(torch.randperm(self.length, generator=generator).tolist())


class OneShuffle(EpochShuffle):
    """The order of epoch 0 in every epoch, for runs that are to see the same few batches again and again."""

    def __iter__(self) -> Iterator[int]:
        return iter(list(EpochShuffle(self.length, self.seed)))


class ResumableBatches(BatchSampler):
    """Consecutive items of the sampler, from some batch of some epoch on.

    Args:
        sampler: Lightning calls its ``set_epoch`` at the start of each epoch, and may replace it by a distributed one.
        start: epoch and number of its batches that were trained on before an interruption. They are not fetched again.
        fewest: items of a batch. Fewer that are left at the end join the batch before, if there is one.
    """

    def __init__(
        self,
        sampler: Sampler[int],
        batch_size: int,
        drop_last: bool = False,
        start: tuple[int, int] = (0, 0),
        fewest: int = 1,
    ) -> None:
        super().__init__(sampler, batch_size, drop_last)
        self.start = start
        self.fewest = fewest

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]  # all of ours and Lightning's have a length
        if self.drop_last:
            return count // self.batch_size
        return len(self._cut(range(count), self.batch_size))

    def __iter__(self) -> Iterator[list[int]]:
        sampler: Any = self.sampler
        epoch, done = self.start
        if epoch or done:
            # Loader workers begin before Lightning has said which epoch it is.
            sampler.set_epoch(max(sampler.epoch, epoch))
            if sampler.epoch != epoch:
                done = 0
        return islice(self._all_batches(), done, None)

    def _all_batches(self) -> Iterator[list[int]]:
        batches = self._cut(list(self.sampler), self.batch_size)
        if self.drop_last and batches and len(batches[-1]) < self.batch_size:
            batches.pop()
        yield from batches

    def _cut(self, items: Sequence[object], size: int) -> list[Any]:
        """Cut items into parts of ``size``, in order; the last may have fewer, or up to ``fewest - 1`` more."""
        starts = list(range(0, len(items), size))
        if len(starts) > 1 and len(items) - starts[-1] < self.fewest and not self.drop_last:
            starts.pop()
        return [items[start:end] for start, end in pairwise([*starts, len(items)])]


class LengthBuckets(ResumableBatches):
    """Batches of items of similar length, so that little of a padded batch is padding.

    Items come in the sampler's order, are sorted by length within windows of ``window`` batches and cut into batches;
    the batches of a window are then taken in the order in which their first item was drawn, which keeps them random
    without a generator of their own. Only the first window begins with its longest: what does not fit into memory shows
    in the first step, and the C library lays out its heap for the largest tensors first.
    """

    def __init__(
        self,
        sampler: Sampler[int],
        batch_size: int,
        drop_last: bool,
        lengths: Sequence[int],
        window: int = 50,
        start: tuple[int, int] = (0, 0),
        fewest: int = 1,
    ) -> None:
        super().__init__(sampler, batch_size, drop_last, start, fewest)
        self.lengths = lengths
        self.window = window

    def _all_batches(self) -> Iterator[list[int]]:
        for number, drawn in enumerate(self._cut(list(self.sampler), self.window * self.batch_size)):
            batches = self._batches(drawn)
            if batches and number == 0:
                longest = max(batches, key=lambda batch: self.lengths[batch[-1]])
                batches.sort(key=lambda batch: batch is not longest)
            yield from batches

    def _batches(self, drawn: list[int]) -> list[list[int]]:
        by_length = sorted(range(len(drawn)), key=lambda position: self.lengths[drawn[position]])
        batches = self._cut(by_length, self.batch_size)
        if self.drop_last and len(batches[-1]) < self.batch_size:
            batches.pop()
        return [[drawn[position] for position in batch] for batch in sorted(batches, key=min)]


class EvaluationBatches(BatchSampler):
    """The same batches every time; of several processes each gets its share, and every item comes exactly once.

    Lightning puts a distributed sampler in place of the sampler. That one would repeat items, to give all processes as
    many, so only who takes part is read from it.

    Args:
        sampler: in order, or distributed; over all items in either case.
        lengths: number of tokens of each item; when given, batches are bucketed by it.
    """

    def __init__(
        self, sampler: Sampler[int], batch_size: int, drop_last: bool = False, lengths: Sequence[int] | None = None
    ) -> None:
        super().__init__(sampler, batch_size, drop_last)
        self.lengths = lengths

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    @cached_property
    def _own(self) -> list[list[int]]:
        if not isinstance(self.sampler, DistributedSampler):
            return list(self._batches(self.sampler))
        items: Any = self.sampler.dataset
        batches = list(self._batches(SequentialSampler(range(len(items)))))
        return share(batches, self.sampler.rank, self.sampler.num_replicas)

    def _batches(self, sampler: Any) -> BatchSampler:
        if self.lengths is None:
            return BatchSampler(sampler, self.batch_size, self.drop_last)
        return LengthBuckets(sampler, self.batch_size, self.drop_last, self.lengths)


def share(batches: list[list[int]], rank: int, processes: int) -> list[list[int]]:
    """Share batches out to one of several processes: each gets the same number of batches, and no item comes twice.

    Batches are dealt out as they are, so that padding, and rounding, are those of one process. Those of an incomplete
    round are divided among all; of items too few for that, some processes take one into their last batch. In every
    batch the processes may talk to each other, so none has one more.
    """
    dealt = len(batches) - len(batches) % processes
    own, rest = batches[rank:dealt:processes], list(chain(*batches[dealt:]))
    if not dealt or len(rest) >= processes:
        return [*own, rest[rank::processes]] if rest else own
    return [*own[:-1], own[-1] + rest[rank::processes]]


def _as_fetched(batch: object) -> Any:
    """``__getitems__`` already returns a whole batch."""
    return batch


def _end_quietly(worker: int) -> None:
    """Keep a worker from writing a traceback of the connection that went with the main process."""
    show = sys.excepthook
    sys.excepthook = lambda kind, error, where: None if issubclass(kind, ConnectionError) else show(kind, error, where)


def batch_loader(
    dataset: Dataset[object],
    batch_size: int,
    num_workers: int,
    seed: int | None = None,
    lengths: Sequence[int] | None = None,
    start: tuple[int, int] = (0, 0),
    shuffle: type[EpochShuffle] = EpochShuffle,
) -> DataLoader[Any]:
    """A standard DataLoader over a data set whose ``__getitems__`` gives whole batches.

    Args:
        seed: shuffles when given, for training; otherwise the data set's order is kept.
        lengths: number of tokens of each item; when given, batches are bucketed by it.
        start: epoch and batch to begin with, for a shuffled loader.
        shuffle: how, when ``seed`` is given.
    """
    size = len(dataset)  # type: ignore[arg-type]  # Dataset declares no __len__, all of ours have one
    batches: BatchSampler
    if seed is None:
        batches = EvaluationBatches(SequentialSampler(range(size)), batch_size, lengths=lengths)
    elif lengths is None:
        batches = ResumableBatches(shuffle(size, seed), batch_size, start=start, fewest=FEWEST_TRAINED)
    else:
        shuffled = shuffle(size, seed)
        batches = LengthBuckets(shuffled, batch_size, False, lengths, start=start, fewest=FEWEST_TRAINED)
    return DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=_as_fetched,
        num_workers=num_workers,
        worker_init_fn=_end_quietly,
        persistent_workers=num_workers > 0,
        pin_memory=torch.cuda.is_available() and num_workers > 0,  # in memory, a batch is made where it is used
        # The seed of workers would be drawn from the global one, every epoch if there are none and once if there are
        # some: augmentation and dropout would depend on that.
        generator=torch.Generator(),
    )
