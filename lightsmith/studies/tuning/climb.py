"""Climb the ladder of batch sizes: a few steps of each, with their time and memory."""

from __future__ import annotations

import copy
import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm.auto import tqdm

from callbacks.measure_fit import peak_memory_bytes
from lightsmith.runs.out_of_memory import ran_out_of_memory
from lightsmith.studies.tuning.batch_ladder import BatchLadder, Rung, batch_sizes
from lightsmith.studies.tuning.copied_fit import TunedCLI

WARM_UP, TIMED = 1, 5  # steps of each size
ENOUGH_SECONDS = 2.0  # of timed steps, after which a size needs no more of them
MEMORY_SHARE = 0.5  # of the machine's memory, which the process may come to hold


def climb(cli: TunedCLI) -> BatchLadder:
    """Train copies of the experiment's model with ever larger batches.

    Running out of memory is an outcome.
    """
    sizes = batch_sizes(cli.datamodule.batch_size, len(cli.datamodule.datasets["train"]))
    climber = Climber(sizes, lambda size: longest_batch(cli.datamodule, size))
    try:
        cli.fit_copy(climber.batches(), len(sizes) * (WARM_UP + TIMED) + 1, climber)
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        climber.ladder = BatchLadder(climber.ladder.rungs, "memory")
    finally:
        climber.bar.close()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return climber.ladder


def longest_batch(data: Any, size: int) -> Callable[[], Any]:
    """Give a function that fetches the first batch of this size: of texts, the one with the longest.

    Args:
        data: a data module.
    """
    sized = copy.copy(data)
    sized.batch_size = size
    loader = sized.train_dataloader()
    indices = next(iter(loader.batch_sampler))
    return lambda: loader.dataset.__getitems__(indices)


class Climber(Callback):
    """Times steps of each batch size in turn.

    Args:
        sizes: upwards.
        fetches: gives for a size what fetches a batch of it.
    """

    def __init__(self, sizes: Sequence[int], fetches: Callable[[int], Callable[[], object]]) -> None:
        self.ladder = BatchLadder([], "items")
        self.bar = tqdm(sizes, "Batch sizes", unit="", leave=False, disable=None)
        self._sizes = sizes
        self._fetches = fetches
        self._seconds: list[float] = []
        self._began = 0.0
        self._bytes_at_first = peak_memory_bytes()

    def batches(self) -> Iterator[Any]:
        """Fetch batches of each size, as many as are asked for."""
        for place, size in enumerate(self._sizes):
            fetch = self._fetches(size)
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
            while len(self.ladder.rungs) == place:
                batch = fetch()  # what came before may have changed it in place
                self._began = time.perf_counter()
                yield batch

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        if trainer.strategy.root_device.type == "cuda":
            torch.cuda.synchronize()
        self._seconds.append(time.perf_counter() - self._began)
        timed = self._seconds[WARM_UP:]
        if len(timed) == TIMED or sum(timed) >= ENOUGH_SECONDS:
            self._end_rung(median(timed))
            trainer.should_stop = len(self.ladder.rungs) == len(self._sizes) or self.ladder.ended != "items"

    def _end_rung(self, step_seconds: float) -> None:
        rungs = self.ladder.rungs
        held = peak_memory_bytes()
        rungs = [*rungs, Rung(self._sizes[len(rungs)], step_seconds, held)]
        self._seconds = []
        self.bar.update()
        self.ladder = BatchLadder(rungs, "items")
        if self.ladder.in_vain:
            self.ladder = BatchLadder(rungs, "throughput")
        elif 2 * held - self._bytes_at_first > most_memory_bytes():  # twice as many items
            self.ladder = BatchLadder(rungs, "memory")


def most_memory_bytes() -> float:
    """The most that a batch may take, as what is more could end other processes; a GPU says so by itself."""
    if torch.cuda.is_available():
        return float("inf")
    return MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
